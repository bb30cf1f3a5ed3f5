"""A server with a little of everything, and a look at all of it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token

from analytics import artifacts
from analytics.conf import conf
from analytics.models import ModelEvent, StoredBook
from analytics.services.backups.tables import lines_of, tables
from tests.factories import (
    make_anomaly,
    make_backtest,
    make_forecast,
    make_market,
    make_model,
    make_quotes,
    make_score,
    make_source,
)

NOW = dt.datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=dt.UTC)


def write_folder(folder: Path, **files: bytes) -> None:
    for name, data in files.items():
        (folder / "deep").mkdir(parents=True, exist_ok=True)
        (folder / "deep" / name).write_bytes(data)


@pytest.fixture
def server(db, home):
    """Rows of every kind of column, an artifact and a backtest with files."""
    user = get_user_model().objects.create_user("ana", password="a long secret")
    Token.objects.create(user=user)
    market = make_market("USDT/VES@ñandú", cadence_minutes=5)
    make_quotes(market, 50, end=NOW)
    make_source(market, options={"payment": ["Pago móvil"], "none": None})
    StoredBook.objects.create(market=market, taken_at=NOW, data=bytes(range(256)))
    model = make_model(market, artifact="price-1-run1-1")
    ModelEvent.objects.create(model=model, label="x", action="promoted", by=user)
    make_score(make_forecast(model))
    make_anomaly(make_model(market, "anomaly", artifact="anomaly-1-run2-1"), "true")
    make_backtest(market, folder="run-1")
    for name in ("price-1-run1-1", "anomaly-1-run2-1"):
        write_folder(artifacts.folder_of(name), weights=name.encode() * 99)
    write_folder(conf().backtests / "run-1", report=b"<html>")
    return market


def everything() -> dict[str, list[Any]]:
    """Every row of every table that is backed up, as lines say them."""
    return {
        model._meta.label_lower: [json.loads(line) for line in lines_of(model)]
        for model in tables()
    }


def files() -> dict[str, bytes]:
    """Every file of the artifacts and backtests."""
    return {
        str(path.relative_to(conf().HOME)): path.read_bytes()
        for root in (conf().artifacts, conf().backtests)
        for path in root.rglob("*")
        if path.is_file()
    }
