"""A peer-to-peer market out of nothing but a seed: for demonstrations and tests without data.

The model, on an internal clock of 10 minutes:

- Rate: log r' = log r + drift + sigma_t z, with sigma_t from a GARCH(1,1) recursion (Bollerslev
  1986, Journal of Econometrics 31), so calm and wild stretches cluster, times the hour's factor.
  Jumps come as a Poisson process with Laplace sizes, heavier than the normal (Kou 2002, Management
  Science 48); they hit the premium and so die out.
- Premium over that rate: an Ornstein-Uhlenbeck process, log premium' = rho log premium + noise
  (Uhlenbeck and Ornstein 1930), as a parallel rate wanders and comes back.
- Spread: a positive base that widens with volatility, at night and at the weekend, with lognormal
  noise that remembers itself. Volumes and offers: lognormal, fewest at night; the VWAP of a side
  lies behind its best price by some part of the spread, more where the book is thin.
- Reading: polls come at irregular intervals (gamma), some are lost, now and then the collector is
  down for hours; a poll may see one side only, or sides that cross. Prices are multiples of a tick.

Parameters are set to what a real series looks like (USDT/BOB at Binance, 2024 to 2025). It is a
likeness, not a fit: no result on it says anything about a real market.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.quotes import SIDES, Kind, column_names

_CLOCK = 10  # minutes of the internal clock
_PER_DAY = 24 * 60 // _CLOCK
ANOMALY_KINDS = ("price_spike", "spread_blowout", "volume_surge", "level_shift", "frozen")
LABEL_COLUMNS = ("kind", "start", "end")


@dataclass(frozen=True, kw_only=True)
class SimulatedMarket:
    """Prices in fiat per asset, volumes in asset, rates as fractions per day unless said so."""

    price: float = 9.30  # rate at the start
    drift: float = 0.0002  # expected log growth of the rate
    volatility: float = 0.008  # standard deviation of the rate's log change
    clustering: float = 0.90  # GARCH beta: how long a wild stretch lasts
    reaction: float = 0.08  # GARCH alpha: how strongly a shock raises volatility
    premium: float = 0.01  # stationary standard deviation of the log premium
    premium_half_life: float = 18.0  # hours until half of a premium is gone
    jumps: float = 0.15  # expected jumps
    jump_size: float = 0.012  # scale of their Laplace law, log price
    spread: float = 0.006  # typical spread, fraction of mid
    season: float = 0.35  # strength of the day's and the week's rhythm, 0 to 1
    volume: float = 25_000.0  # typical volume of one side
    offers: float = 60.0  # typical offers of one side
    poll_minutes: float = 28.0  # mean time between readings
    lost: float = 0.03  # part of the readings that fail
    outages: float = 0.10  # expected outages of the collector
    outage_hours: float = 3.0  # their mean length
    one_sided: float = 0.10  # part of the readings with one side only
    crossed: float = 0.03  # part of the readings whose sides cross
    no_depth: float = 0.05  # part of the readings without volumes, offers and VWAPs
    tick: float = 0.01  # prices are multiples of it
    utc_offset: float = -4.0  # hours; where its people sleep


def simulate_quotes(
    market: SimulatedMarket,
    *,
    start: dt.datetime,
    days: int,
    seed: int,
    anomalies: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(quotes, labels). Quotes as in ml.spec, from `start` (aware) on for `days` (1 to 3650).

    Labels: kind, start, end (both inside), empty without `anomalies`; with them about one in
    three days, never in the first tenth, the kinds in turn. Same arguments, same answer; the
    planted anomalies change nothing outside their own windows.
    """
    if start.tzinfo is None:
        raise ValueError("start must be an aware time")
    if not 1 <= days <= 3650:
        raise ValueError(f"days must be between 1 and 3650, not {days}")
    # One stream of chance per part: a change in one part leaves the others alone.
    world, book, camera, faults = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(4))
    start = pd.Timestamp(start).tz_convert("UTC").floor("s")
    steps = days * _PER_DAY
    hour = (start.hour + start.minute / 60 + np.arange(steps) * _CLOCK / 60) + market.utc_offset
    activity = _activity(market, hour, start.weekday())
    mid, wildness = _mid(market, world, activity)
    truth = _book(market, book, mid, wildness, activity)
    quotes = _read(market, camera, truth, start, days)
    labels = _plant(market, faults, quotes, days if anomalies else 0)
    return _rounded(market, quotes), labels


def _activity(market: SimulatedMarket, hour: np.ndarray, weekday: int) -> np.ndarray:
    """How busy the market is, around 1: least before dawn, less at the weekend."""
    day = np.cos(2 * np.pi * (hour % 24 - 16) / 24)
    weekend = ((weekday + np.floor(hour / 24)) % 7 >= 5).astype(float)
    return np.exp(market.season * (day - 0.6 * weekend))


def _mid(
    market: SimulatedMarket, random: np.random.Generator, activity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(mid price, volatility against its mean) per step of the clock."""
    n = len(activity)
    scale = market.volatility / np.sqrt(_PER_DAY)
    shock, sway = random.standard_normal((2, n))
    jump = random.laplace(0.0, market.jump_size, n) * (random.random(n) < market.jumps / _PER_DAY)
    rho = 0.5 ** (_CLOCK / 60 / market.premium_half_life)
    sway *= market.premium * np.sqrt(1 - rho**2)
    calm = 1.0 - market.clustering - market.reaction
    variance, premium = 1.0, 0.0
    relative, premiums = np.empty(n), np.empty(n)
    for t in range(n):
        relative[t] = variance
        variance = calm + (market.clustering + market.reaction * shock[t] ** 2) * variance
        premium = rho * premium + sway[t] + jump[t]
        premiums[t] = premium
    wildness = np.sqrt(relative)
    moves = market.drift / _PER_DAY + scale * wildness * np.sqrt(activity) * shock
    return market.price * np.exp(np.cumsum(moves) + premiums), wildness


def _memory(random: np.random.Generator, n: int, hours: float) -> np.ndarray:
    """Standard normal noise that remembers itself for about so long."""
    rho = float(np.exp(-_CLOCK / 60 / hours))
    noise = random.standard_normal(n) * np.sqrt(1 - rho**2)
    value, out = 0.0, np.empty(n)
    for t in range(n):
        value = rho * value + noise[t]
        out[t] = value
    return out


def _book(
    market: SimulatedMarket,
    random: np.random.Generator,
    mid: np.ndarray,
    wildness: np.ndarray,
    activity: np.ndarray,
) -> dict[str, np.ndarray]:
    """Both sides of the book per step of the clock, before anyone reads it."""
    n = len(mid)
    spread = market.spread * wildness / np.sqrt(activity) * np.exp(0.3 * _memory(random, n, 4))
    lean = 0.2 * _memory(random, n, 12)  # which side steps towards the other
    truth = {
        "bid": mid * (1 - spread * (0.5 + lean)),
        "ask": mid * (1 + spread * (0.5 - lean)),
    }
    for side, away in (("bid", -1), ("ask", 1)):
        depth = np.exp(0.5 * _memory(random, n, 8))
        truth[f"{side}_volume"] = market.volume * activity * depth
        truth[f"{side}_offers"] = market.offers * np.sqrt(activity * depth)
        behind = spread * (0.5 + 0.5 / depth)
        truth[f"{side}_vwap"] = truth[side] * (1 + away * behind)
    return truth


def _read(
    market: SimulatedMarket,
    random: np.random.Generator,
    truth: dict[str, np.ndarray],
    start: pd.Timestamp,
    days: int,
) -> pd.DataFrame:
    """What a collector sees of it, with its gaps and its slips."""
    minutes = _polls(market, random, days)
    n = len(minutes)
    at = (minutes // _CLOCK).astype(int)
    quotes = pd.DataFrame({name: values[at] for name, values in truth.items()})
    quotes.index = (start + pd.to_timedelta(np.round(minutes * 60), unit="s")).rename("timestamp")
    crossing = random.random(n) < market.crossed
    half = (quotes["ask"] - quotes["bid"]).abs() * (0.1 + random.random(n)) / 2
    half, middle = half.clip(lower=market.tick), (quotes["ask"] + quotes["bid"]) / 2
    quotes.loc[crossing, "bid"], quotes.loc[crossing, "ask"] = middle + half, middle - half
    chance, side = random.random((2, n))
    depths = [name for name in quotes.columns if name not in SIDES]
    quotes.loc[random.random(n) < market.no_depth, depths] = np.nan
    single = (chance < market.one_sided) & ~crossing
    for name, gone in (("bid", single & (side < 0.5)), ("ask", single & (side >= 0.5))):
        quotes.loc[gone, column_names(sides=(name,))] = np.nan
    return quotes[~quotes.index.duplicated()]


def _polls(market: SimulatedMarket, random: np.random.Generator, days: int) -> np.ndarray:
    """Minutes since the start at which readings came."""
    total = days * 24 * 60
    many = int(1.5 * total / market.poll_minutes) + 50
    minutes = np.cumsum(random.gamma(8.0, market.poll_minutes / 8.0, many))
    minutes = minutes[minutes < total - 1]
    keep = random.random(len(minutes)) >= market.lost
    for begin in random.random(random.poisson(market.outages * days)) * total:
        keep &= ~(
            (minutes >= begin) & (minutes < begin + 60 * random.exponential(market.outage_hours))
        )
    return minutes[keep]


def _plant(
    market: SimulatedMarket, random: np.random.Generator, quotes: pd.DataFrame, days: int
) -> pd.DataFrame:
    """Disturb `quotes` in place, each anomaly in a window of its own; the labels."""
    labels, span, slots = [], days * 24.0, (days + 2) // 3
    for number in range(slots):
        width = 0.9 * span / slots
        begin = 0.1 * span + number * width + random.random() * max(width - 12.0, 0.0)
        kind = ANOMALY_KINDS[number % len(ANOMALY_KINDS)]
        hours = 1.0 if kind.endswith("spike") else float(random.uniform(2.0, 5.0))
        first = quotes.index[0].floor("h") + pd.Timedelta(hours=begin)
        window = (quotes.index >= first) & (quotes.index < first + pd.Timedelta(hours=hours))
        if window.sum() < 2:
            continue
        size = float(random.uniform(0.05, 0.12)) * (1 if random.random() < 0.5 else -1)
        _disturb(quotes, window, kind, size, market)
        inside = quotes.index[window]
        labels.append((kind, inside[0], inside[-1]))
    return pd.DataFrame(labels, columns=list(LABEL_COLUMNS))


def _disturb(
    quotes: pd.DataFrame, window: np.ndarray, kind: str, size: float, market: SimulatedMarket
) -> None:
    bids, asks = (column_names(Kind.PRICE, Kind.VWAP, sides=(side,)) for side in SIDES)
    if kind in ("price_spike", "level_shift"):
        quotes.loc[window, bids + asks] *= 1 + size
    elif kind == "spread_blowout":
        wide = max(8 * market.spread, 0.04)
        quotes.loc[window, bids] *= 1 - wide / 2
        quotes.loc[window, asks] *= 1 + wide / 2
    elif kind == "volume_surge":
        quotes.loc[window, column_names(Kind.VOLUME, sides=SIDES)] *= 15.0
    else:
        frozen = quotes.loc[window].bfill().iloc[0]
        quotes.loc[window] = np.tile(frozen.to_numpy(), (int(window.sum()), 1))


def _rounded(market: SimulatedMarket, quotes: pd.DataFrame) -> pd.DataFrame:
    """Multiples of the tick (never zero), whole offers, volumes with two decimals."""
    decimals = max(10, 5 - math.floor(math.log10(market.tick)))
    for name in column_names(Kind.COUNT, sides=SIDES):
        quotes[name] = quotes[name].round().clip(lower=1)
    for name in column_names(Kind.VOLUME, sides=SIDES):
        quotes[name] = quotes[name].round(2)
    for name in column_names(Kind.PRICE, Kind.VWAP, sides=SIDES):
        ticks = (quotes[name] / market.tick).round().clip(lower=1)
        quotes[name] = (ticks * market.tick).round(decimals)
    return quotes
