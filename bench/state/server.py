"""What happens on the server before its state is taken: quotes, trainings, answers, people."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from bench.golden.script import rows_of
from bench.golden.world import World
from bench.state.questions import NOW, PRICES, SIDES, TOKEN

_SIDES_DAYS, _PRICES_DAYS, _KEPT_DAYS = 24, 64, 20
_FORECAST = {"hidden": 4, "width": 4, "members": 1, "window": 8}
_SMALLEST: dict[str, dict[str, Any]] = {
    "price": _FORECAST,
    "spread": _FORECAST,
    "anomaly": {"channels": 4, "latent": 2, "members": 1, "window": 8},
    "pattern": {"channels": 8, "folds": 2, "steps": 5, "window": 16},
}
_COLUMNS = ("bid", "ask", "bid_volume", "ask_volume")


def lived(server: World) -> None:
    accounts()
    markets(server)
    models(server)
    answers(server)
    rows()


def accounts() -> None:
    from django.contrib.auth import get_user_model
    from rest_framework.authtoken.models import Token

    users = get_user_model().objects
    users.create_user("ana")
    Token.objects.create(user=users.create_user("eva", is_staff=True), key=TOKEN)


# -------------------------------------------------------------------------------- quotes, models
def markets(server: World) -> None:
    import ml

    kinds = (
        (SIDES, 30, ml.SimulatedMarket(), _SIDES_DAYS),
        (
            PRICES,
            60,
            ml.SimulatedMarket(poll_minutes=56.0, tick=0.1, volatility=0.004),
            _PRICES_DAYS,
        ),
    )
    for symbol, cadence, market, days in kinds:
        start = NOW - dt.timedelta(days=days)
        quotes, _ = ml.simulate_quotes(market, start=start, days=days, seed=1, anomalies=True)
        quotes = coarse(quotes, sides=symbol == SIDES)
        asset, rest = symbol.split("/")
        fiat, exchange = rest.split("@")
        names = {"asset": asset, "fiat": fiat, "exchange": exchange}
        done(server.api("POST", "markets", {**names, "cadence_minutes": cadence}))
        done(server.api("POST", "prices", {"market": symbol, "rows": rows_of(quotes, named=True)}))


def coarse(quotes: pd.DataFrame, *, sides: bool) -> pd.DataFrame:
    """With fewer columns, whole minutes and hundreds, or a price on the hour: short when packed."""
    if sides:
        quotes = quotes[list(_COLUMNS)].dropna(how="all", subset=["bid", "ask"])
        volumes = [name for name in _COLUMNS if name.endswith("volume")]
        return quotes.assign(**quotes[volumes].round(-2)).groupby(quotes.index.floor("min")).last()
    price = ((quotes["bid"] + quotes["ask"]) / 2).round(2).dropna()
    return price.groupby(price.index.floor("h")).last().to_frame("price")


def models(server: World) -> None:
    """Whatever a version of one epoch is worth, it answers."""
    for task, sizes in _SMALLEST.items():
        market = PRICES if task == "pattern" else SIDES
        words = [
            w for name, n in {**sizes, "epochs": 1}.items() for w in ("--param", f"{name}={n}")
        ]
        command(server, "train_model", task, "--market", market, "--device", "cpu", *words)
    for row in done(server.api("GET", "models?status=candidate"))["results"]:
        body = {"force": True, "reason": "for the test of upgrades"}
        done(server.api("POST", f"models/{row['id']}/promote", body))


# --------------------------------------------------------------------------------------- answers
def answers(server: World) -> None:
    from django.utils.module_loading import import_string

    as_eva, as_ana = {"authorization": f"Token {TOKEN}"}, {"authorization": f"Token {ana_token()}"}
    for hours in range(0, 96, 12):
        at = (NOW - dt.timedelta(hours=hours + 48)).isoformat()
        for name in ("predict-price", "predict-spread"):
            done(server.api("POST", f"dl/{name}", {"market": SIDES, "at": at}))
    import_string("analytics.tasks.score_forecasts")()
    done(server.api("POST", "dl/detect-anomalies", {"market": SIDES, "threshold": 0.1}))
    event = done(server.api("GET", "anomaly-events?ordering=id"))["results"][0]["id"]
    judged = {"feedback": "true", "note": "seen by hand"}
    done(server.api("POST", f"anomaly-events/{event}/feedback", judged, **as_eva))
    row = done(server.api("GET", "anomalies?ordering=id"))["results"][0]["id"]
    done(server.api("POST", f"anomalies/{row}/acknowledge", **as_ana))
    for at in ("2026-05-20T00:00:00Z", "2026-05-29T12:00:00Z"):
        done(server.api("POST", "dl/recognize-patterns", {"market": PRICES, "at": at}))
    arriving(server)
    words = [
        w for name, n in {**_FORECAST, "epochs": 1}.items() for w in ("--param", f"{name}={n}")
    ]
    window = ("--from", "2026-05-29", "--to", "2026-06-01", "--origin-step", "4")
    command(server, "backtest", "--task", "spread", "--market", SIDES, *window, *words)
    done(server.api("POST", "dl/train-pattern-recognizer", {"market": PRICES, "epochs": 3}))


def ana_token() -> str:
    """A token for one call, gone afterwards with the rows of `rows`."""
    from django.contrib.auth import get_user_model
    from rest_framework.authtoken.models import Token

    return Token.objects.create(user=get_user_model().objects.get(username="ana"), key="x").key


def arriving(server: World) -> None:
    """Two quotes near the price, then two far off: an event is open when the state is taken."""
    quotes = done(server.api("GET", f"prices?market={SIDES}&page_size=1"))["results"][0]
    last = dt.datetime.fromisoformat(quotes["timestamp"])
    for number, factor in enumerate((1.0, 1.0, 1.3, 1.3), start=1):
        server.clock.now = last + dt.timedelta(minutes=30 * number)
        row = {"timestamp": server.clock.now.isoformat(), "bid": 9.3, "ask": round(9.4 * factor, 2)}
        row |= {"ask_vwap": 9.6, "bid_offers": 12, "ask_offers": 7 + number}
        done(server.api("POST", "prices", {"market": SIDES, "rows": [row]}))
    server.clock.now = NOW + dt.timedelta(hours=3)


def rows() -> None:
    """What only a running worker writes, as it writes it. And prices that a model has learned from
    are given up: it remembers what it needs."""
    from django_q.models import Schedule
    from rest_framework.authtoken.models import Token

    from analytics.models import BacktestRun, Market, PriceHistory, TrainingRun, WorkerHeartbeat

    old = NOW - dt.timedelta(days=_KEPT_DAYS)
    priced = Market.objects.get(fiat="ARS")
    PriceHistory.objects.filter(market=priced, timestamp__lt=old).delete()
    for runs in (TrainingRun, BacktestRun):
        runs.objects.update(host="machine", pid=7)
    Token.objects.exclude(key=TOKEN).delete()
    WorkerHeartbeat.objects.create(name="worker-1", pid=7, started_at=NOW, seen_at=NOW)
    for name, task, minutes in (
        ("score forecasts", "score_forecasts", 30),
        ("watch anomalies", "watch_anomalies", 5),
    ):
        Schedule.objects.create(
            name=name, func=f"analytics.tasks.{task}", schedule_type="I", minutes=minutes
        )


# --------------------------------------------------------------------------------------- helpers
def done(answer: dict[str, Any]) -> Any:
    """The body; raises RuntimeError where the server refused."""
    if answer["status"] >= 400:
        raise RuntimeError(answer)
    return answer["body"]


def command(server: World, *words: str) -> None:
    """Raises RuntimeError where the command refused."""
    said = server.command(*words)
    if "refused" in said:
        raise RuntimeError(said)
