"""Rows for tests, by plain ORM: no service runs and no torch loads."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from analytics.models import (
    AlertDelivery,
    AnomalyEvent,
    AnomalyResult,
    BacktestRun,
    CollectionFailure,
    Forecast,
    ForecastScore,
    Market,
    MarketSource,
    PatternResult,
    PriceHistory,
    TrainedModel,
    TrainingRun,
)
from analytics.services.alerting.channels import channel_create
from analytics.services.prices.single import quote_add

_numbers = itertools.count(1)
#: Normal quantiles, so that a made forecast has the shape of a real one.
_Z = {"0.05": -1.64, "0.1": -1.28, "0.25": -0.67, "0.5": 0, "0.75": 0.67, "0.9": 1.28, "0.95": 1.64}


def make_groups() -> None:
    """Tests that empty the database take away what a migration wrote: it is written again."""
    if not Group.objects.exists():
        (file,) = (settings.BASE_DIR / "analytics" / "migrations").glob("*_groups.py")
        import_module(f"analytics.migrations.{file.stem}").make(apps, None)


def make_staff(group: str = "") -> Any:
    """A new account of this group that may enter the admin; of none by default."""
    account = get_user_model().objects.create_user(f"{group or 'staff'}-1", is_staff=True)
    if group:
        make_groups()
        account.groups.add(Group.objects.get(name=group))
    return account


def make_market(symbol: str = "USDT/BOB@binance_p2p", **fields: Any) -> Market:
    asset, fiat, exchange = Market.parse_symbol(symbol) or ("USDT", "BOB", "binance_p2p")
    return Market.objects.create(asset=asset, fiat=fiat, exchange=exchange or "x", **fields)


def make_quotes(
    market: Market, count: int = 96, *, end: dt.datetime | None = None, price: float = 10.0
) -> list[PriceHistory]:
    """`count` quotes at the market's cadence, the newest at `end` (now)."""
    end = end or timezone.now()
    rows = []
    for back in reversed(range(count)):
        mid = price * (1 + 0.01 * math.sin(back / 9) + 0.002 * math.sin(back * 1.7))
        rows.append(
            PriceHistory(
                market=market,
                timestamp=end - dt.timedelta(minutes=back * market.cadence_minutes),
                bid=round(mid * 0.998, 4),
                ask=round(mid * 1.002, 4),
            )
        )
    return PriceHistory.objects.bulk_create(rows, batch_size=5000)


def make_crossing(market: Market) -> None:
    """Three quotes of the last days: the ask crosses 11 upwards once, four days ago."""
    now = timezone.now()
    for day, ask in ((5, 10.0), (4, 12.0), (3, 10.0)):
        at = now - dt.timedelta(days=day)
        quote_add(market=market, timestamp=at, figures={"bid": ask - 0.1, "ask": ask})


def make_dead_delivery(error: str) -> AlertDelivery:
    """A message that the channel `the log` could not send."""
    now = timezone.now()
    return AlertDelivery.objects.create(
        key="k",
        channel=channel_create(name="the log", kind="log"),
        kind="test",
        rule_name="test",
        happened_at=now,
        due_at=now,
        status="dead",
        error=error,
    )


def make_source(market: Market, venue: str = "okx_p2p", **fields: Any) -> MarketSource:
    """A source that failed once."""
    now = timezone.now()
    source = MarketSource.objects.create(market=market, venue=venue, **fields)
    CollectionFailure.objects.create(
        source=source, code="not_json", count=1, first_at=now, last_at=now, message="HTML."
    )
    return source


def make_run(market: Market, task: str = "price", status: str = "queued", **fields: Any):
    """A run; give `losses`, `epoch`, `epochs` for one in progress."""
    fields.setdefault("family", {"price": "lstm", "spread": "gru"}.get(task, task))
    fields.setdefault("data_until", timezone.now())
    if fields.get("epochs"):
        fields.setdefault("share", fields.get("epoch", 0) / fields["epochs"])
    return TrainingRun.objects.create(market=market, task=task, status=status, **fields)


def make_model(
    market: Market, task: str = "price", status: str = "active", **fields: Any
) -> TrainedModel:
    """A version with its own succeeded run."""
    now = timezone.now()
    number = next(_numbers)
    taken = TrainedModel.objects.filter(market=market, task=task).count()
    values: dict[str, Any] = {
        "run": fields.pop("run", None) or make_run(market, task, "succeeded"),
        "family": {"price": "lstm", "spread": "gru", "anomaly": "autoencoder"}.get(task, "cnn"),
        "version": taken + 1,
        "artifact": f"made/{number}",
        "checksum": f"{number:064x}",
        "primary_metric": "crps",
        "score": 0.8,
        "baseline": "last_value",
        "baseline_score": 1.0,
        "beats_baseline": True,
        "metrics": {"crps": 0.8, "mae": 0.05},
        "baseline_metrics": {"crps": 1.0, "mae": 0.06},
        "step_minutes": market.cadence_minutes,
        "window": 48,
        "input_columns": ["bid", "ask"],
        "data_from": now - dt.timedelta(days=90),
        "data_until": now,
        "trained_until": now - dt.timedelta(days=20),
        "test_from": now - dt.timedelta(days=15),
        "device": "cpu (test)",
        "trained_at": now,
    }
    return TrainedModel.objects.create(
        market=market, task=task, status=status, **{**values, **fields}
    )


def make_forecast(model: TrainedModel, *, last_value: float = 10.0, **fields: Any) -> Forecast:
    """Horizons of 1, 6, 24 and 48 steps with seven quantiles."""
    as_of = fields.pop("as_of", None) or timezone.now()
    horizons = []
    for steps in (1, 6, 24, 48):
        minutes = steps * model.step_minutes
        width = 0.004 * last_value * math.sqrt(steps) / 3
        quantiles = {name: last_value + z * width for name, z in _Z.items()}
        at = (as_of + dt.timedelta(minutes=minutes)).isoformat()
        horizons.append(
            {
                "steps": steps,
                "minutes": minutes,
                "at": at,
                "value": last_value,
                "quantiles": quantiles,
            }
        )
    values: dict[str, Any] = {
        "market": model.market,
        "task": model.task,
        "source": "network",
        "name": model.family,
        "unit": "spread_pct" if model.task == "spread" else "price",
        "horizons": horizons,
    }
    return Forecast.objects.create(
        model=model, as_of=as_of, last_value=last_value, **{**values, **fields}
    )


def make_score(forecast: Forecast, **fields: Any) -> ForecastScore:
    """What became of its first horizon."""
    values: dict[str, Any] = {
        "steps": 1,
        "target_at": timezone.now(),
        "actual": 10.1,
        "error": 0.1,
        "naive_error": 0.2,
        "crps": 0.05,
        "inside_80": True,
        "inside_90": True,
    }
    return ForecastScore.objects.create(forecast=forecast, **{**values, **fields})


def make_backtest(market: Market, **fields: Any) -> BacktestRun:
    """A backtest of the last three days that succeeded."""
    now = timezone.now()
    values: dict[str, Any] = {
        "task": "price",
        "start": now - dt.timedelta(days=3),
        "end": now,
        "step_minutes": market.cadence_minutes,
        "status": "succeeded",
    }
    return BacktestRun.objects.create(market=market, **{**values, **fields})


def make_event(model: TrainedModel, **fields: Any) -> AnomalyEvent:
    """An event of one row, closed, not judged."""
    start = fields.get("start") or timezone.now() - dt.timedelta(minutes=next(_numbers))
    values: dict[str, Any] = {
        "market": model.market,
        "source": "network",
        "start": start,
        "peak": start,
        "end": start,
        "rows": 1,
        "score": 0.23,
        "threshold": 0.1,
        "severity": "high",
        "kind": "spike",
        "text": "The ask is far above what was expected.",
        "expected": {"ask": {"observed": 10.9, "value": 10.0, "lower": 9.8, "upper": 10.2}},
        "contributions": {"ask": 0.9, "bid": 0.1},
    }
    if fields.get("feedback"):
        fields.setdefault("feedback_at", timezone.now())
    return AnomalyEvent.objects.create(model=model, **{**values, **fields})


def make_anomaly(model: TrainedModel, label: str = "", **fields: Any) -> AnomalyResult:
    """A strange row with its event, which takes `label` as its feedback."""
    if "event" not in fields:
        same = ("source", "score", "severity", "kind", "text", "threshold")
        of_event = {name: fields[name] for name in same if name in fields}
        if "timestamp" in fields:
            of_event["start"] = fields["timestamp"]
        fields["event"] = make_event(model, feedback=label, **of_event)
        fields.setdefault("timestamp", fields["event"].start)
    values: dict[str, Any] = {
        "market": model.market,
        "source": "network",
        "timestamp": timezone.now() - dt.timedelta(minutes=next(_numbers)),
        "score": 0.23,
        "threshold": 0.1,
        "severity": "high",
        "kind": "spike",
        "text": "The ask is far above what was expected.",
        "expected": {"ask": {"observed": 10.9, "value": 10.0, "lower": 9.8, "upper": 10.2}},
        "contributions": {"ask": 0.9, "bid": 0.1},
    }
    return AnomalyResult.objects.create(model=model, **{**values, **fields})


def make_pattern(model: TrainedModel, **fields: Any) -> PatternResult:
    values: dict[str, Any] = {
        "market": model.market,
        "source": "network",
        "name": model.family,
        "as_of": timezone.now() - dt.timedelta(minutes=next(_numbers)),
        "label": "up-trend",
        "probability": 0.71,
        "clear": True,
        "heads": {
            "movement": {"up": 0.71, "flat": 0.2, "down": 0.09},
            "agitation": {"calm": 0.8, "agitated": 0.2},
        },
    }
    return PatternResult.objects.create(model=model, **{**values, **fields})
