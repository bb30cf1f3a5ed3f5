"""Now against the last 30 days, and when in the week a market is cheap or dear."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any

from analytics.lazily import np, pd
from analytics.models import Market
from analytics.selectors.frames import price_frame
from analytics.selectors.prices import market_freshness
from analytics.services.prices.history import last_moment

DAYS = 30
#: Days that the hours of the week are judged on: thirteen weeks, since a week says each hour once.
HOUR_DAYS = 91
#: With fewer weeks nothing is said of an hour.
LEAST_WEEKS = 4
HOURS = 168
DRAWS = 20_000
#: All 168 intervals hold together with this probability.
LEVEL = 0.9
COLUMNS = ("bid", "ask", "price", "bid_volume", "ask_volume", "volume")
_MEASURES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "ask": lambda q: q["ask"].fillna(q["price"]),
    "bid": lambda q: q["bid"].fillna(q["price"]),
    "price": lambda q: ((q["bid"] + q["ask"]) / 2).fillna(q["price"]),
    "spread_pct": lambda q: (q["ask"] - q["bid"]) / ((q["ask"] + q["bid"]) / 2) * 100,
    "ask_volume": lambda q: q["ask_volume"],
    "bid_volume": lambda q: q["bid_volume"],
}


def market_context(*, market: Market, now: dt.datetime) -> dict[str, Any]:
    """Where the last quote lies among those of the 30 days before it (percentile of price, spread
    and depth), and the best and worst hours of the week. It speaks about the last quote: `stale`
    says when that is too old for now. Raises InvalidInput (no_history)."""
    last = last_moment(market, now)
    frame = _grid(market, last - dt.timedelta(days=HOUR_DAYS), last)
    month = frame[frame.index > last - dt.timedelta(days=DAYS)]
    fresh = market_freshness(market, now=now)
    return {
        "market": market.symbol,
        "as_of": last,
        "age_minutes": fresh["age_minutes"],
        "stale": fresh["stale"],
        "days": DAYS,
        "rows": len(month),
        "now": {name: _place(measure(month)) for name, measure in _MEASURES.items()},
        "hours": {
            "buy": week_hours(_MEASURES["ask"](frame), lower_is_better=True),
            "sell": week_hours(_MEASURES["bid"](frame), lower_is_better=False),
        },
    }


def _grid(market: Market, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    """The last quote of each step of the market's grid: a stretch that was read more often weighs
    no more than others."""
    frame = price_frame(market, since=since, until=until, columns=COLUMNS)
    frame = frame.reindex(columns=list(COLUMNS)).astype("float64")
    return frame.resample(f"{market.cadence_minutes}min").last().dropna(how="all")


def _place(values: pd.Series) -> dict[str, Any] | None:
    """The last value among all of them: the share below it, of equal ones the half."""
    known = values.dropna()
    if known.empty or known.index[-1] != values.index[-1]:
        return None
    now = float(known.iloc[-1])
    below, equal = float((known < now).mean()), float((known == now).mean())
    return {
        "value": now,
        "percentile": round(100 * (below + equal / 2), 1),
        "low": float(known.min()),
        "median": float(known.median()),
        "high": float(known.max()),
        "n": len(known),
    }


# --------------------------------------------------------------------------- hours of the week
def week_hours(prices: pd.Series, *, lower_is_better: bool) -> dict[str, Any] | None:
    """The best and the worst hour of the week (0 is Monday 0 h UTC): its mean distance from the
    week around it, in percent, with an interval. `proven`: the interval leaves out zero.

    Each hour is compared with the mean of the seven days around it, so that a rising price makes no
    hour of the week cheap. Weeks count as independent, and intervals hold for all 168 hours at
    once: the best of many looks good by luck. None with fewer than four whole weeks."""
    table = _by_week(prices)
    if len(table) < LEAST_WEEKS:
        return None
    mean, half = _simultaneous(table)
    order = np.argsort(mean if lower_is_better else -mean)
    order = order[np.isfinite(mean[order]) & np.isfinite(half[order])]
    if not len(order):
        return None
    best, worst = (
        _hour(int(hour), float(mean[hour]), float(half[hour])) for hour in order[[0, -1]]
    )
    return {"weeks": len(table), "level": LEVEL, "best": best, "worst": worst}


def _by_week(prices: pd.Series) -> np.ndarray:
    """(weeks, 168) distances in percent from the seven days around each hour; NaN: not known."""
    hourly = np.log(prices.dropna()).resample("1h").mean()
    around = hourly.rolling(HOURS + 1, center=True, min_periods=HOURS // 2).mean()
    # A mean that reaches over the edge is one-sided: a trend would show in it.
    half = HOURS // 2
    away = (100 * (hourly - around)).iloc[half:-half]
    if away.empty:
        return np.empty((0, HOURS))
    index = pd.DatetimeIndex(away.index)
    hours = index.day_of_week * 24 + index.hour
    weeks = (index - pd.to_timedelta(hours, unit="h")).normalize()
    table = pd.DataFrame({"week": weeks, "hour": hours, "away": away.to_numpy()})
    wide = table.pivot_table(index="week", columns="hour", values="away", dropna=False)
    wide = wide.reindex(columns=range(HOURS))
    # A week of which most hours are missing says little of any.
    return wide[wide.notna().mean(axis=1) > 0.5].to_numpy()


def _simultaneous(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean, half width of the simultaneous interval) of each hour (168,)."""
    known = np.isfinite(table)
    count = known.sum(axis=0)
    enough = count >= LEAST_WEEKS
    values = np.where(known, table, 0.0)
    mean = np.full(HOURS, np.nan)
    mean[enough] = values.sum(axis=0)[enough] / count[enough]
    spread = np.where(known, (table - mean) ** 2, 0.0).sum(axis=0)
    error = np.full(HOURS, np.nan)
    error[enough] = np.sqrt(spread[enough] / (count[enough] - 1) / count[enough])
    if not enough.any():
        return mean, error
    return mean, _largest_t(int(count[enough].min()) - 1) * error


@cache
def _largest_t(freedom: int) -> float:
    """What the largest of 168 independent |t| with so many degrees of freedom stays below with
    probability LEVEL (Sidak 1967: hours that hang together make it only safer), by simulation."""
    drawn = np.abs(np.random.default_rng(0).standard_t(freedom, (DRAWS, HOURS))).max(axis=1)
    return float(np.quantile(drawn, LEVEL))


def _hour(hour: int, mean: float, half: float) -> dict[str, Any]:
    low, high = mean - half, mean + half
    return {
        "weekday": hour // 24,
        "hour": hour % 24,
        "percent": round(mean, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "proven": low > 0 or high < 0,
    }
