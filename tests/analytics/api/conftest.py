"""A market with a little history, a version of every task, callers on each side of the door."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from analytics.models import Market, PriceHistory, TrainedModel, TrainingRun

from .fakes import NOW, FakePredictor

ROOT = "/api/v1/analytics/"
COLUMNS = ["bid", "ask", "bid_volume"]
WINDOW = 4
#: What the README promises: these addresses do not change.
TASKS = {
    "dl/train-price-predictor": "price",
    "dl/train-spread-predictor": "spread",
    "dl/train-anomaly-detector": "anomaly",
    "dl/train-pattern-recognizer": "pattern",
}
TRAIN = tuple(TASKS)
PREDICT = (
    "dl/predict-price",
    "dl/predict-spread",
    "dl/detect-anomalies",
    "dl/recognize-patterns",
)
CALLS = ("dl/model-info", *TRAIN, *PREDICT)


class Caller:
    """Asks as a program on the network does: JSON in, JSON out, headers by their own names."""

    def __init__(self, **headers: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = headers

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        content = {} if body is None else {"data": data, "content_type": "application/json"}
        merged = {**self.headers, **headers}
        address = path if path.startswith("/") else ROOT + path
        extra: dict[str, Any] = {} if content else {"content_type": ""}
        return self.client.generic(method, address, headers=merged, **content, **extra)

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, body, **headers)


@pytest.fixture
def debug(settings):
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]


@pytest.fixture
def api(debug) -> Caller:
    """A program on this machine while DEBUG is on."""
    return Caller(host="127.0.0.1:8000")


@pytest.fixture
def user(db) -> Any:
    return get_user_model().objects.create_user("ana", password="a good password")


@pytest.fixture
def staff(db) -> Any:
    return get_user_model().objects.create_user("eva", password="a good password", is_staff=True)


@pytest.fixture
def as_user(user) -> Caller:
    return with_token(user)


@pytest.fixture
def as_staff(staff) -> Caller:
    return with_token(staff)


def with_token(user: Any) -> Caller:
    from rest_framework.authtoken.models import Token

    return Caller(authorization=f"Token {Token.objects.create(user=user).key}")


@pytest.fixture
def market(db) -> Market:
    return Market.objects.create(asset="USDT", fiat="BOB", exchange="binance_p2p")


@pytest.fixture
def quotes(market) -> list[PriceHistory]:
    return PriceHistory.objects.bulk_create(
        PriceHistory(
            market=market,
            timestamp=NOW - dt.timedelta(minutes=30 * k),
            bid="9.31",
            ask="9.35",
            bid_volume=1000 + k,
        )
        for k in range(20)
    )


def make_run(market: Market, task: str = "price", **values: Any) -> TrainingRun:
    facts = {"family": "lstm", "data_until": NOW, "status": TrainingRun.Status.SUCCEEDED}
    return TrainingRun.objects.create(market=market, task=task, **{**facts, **values})


def make_model(market: Market, task: str = "price", **values: Any) -> TrainedModel:
    version = TrainedModel.objects.filter(market=market, task=task).count() + 1
    facts = {
        "run": make_run(market, task),
        "family": "lstm",
        "version": version,
        "artifact": f"{market.pk}-{task}-{version}",
        "checksum": "0" * 64,
        "primary_metric": "crps",
        "score": 0.1,
        "baseline": "last_value",
        "baseline_score": 0.2,
        "beats_baseline": True,
        "step_minutes": 30,
        "window": WINDOW,
        "input_columns": COLUMNS,
        "device": "cpu",
        "status": TrainedModel.Status.CANDIDATE,
    }
    moments = ("data_from", "data_until", "trained_until", "test_from", "trained_at")
    return TrainedModel.objects.create(
        market=market, task=task, **{**facts, **dict.fromkeys(moments, NOW), **values}
    )


@pytest.fixture
def models(market) -> dict[str, TrainedModel]:
    """An active version per task; their artifacts are no files, so a predictor must be faked."""
    active = TrainedModel.Status.ACTIVE
    return {
        task: make_model(market, task, status=active)
        for task in ("price", "spread", "anomaly", "pattern")
    }


@pytest.fixture
def predictor(models, monkeypatch) -> FakePredictor:
    from analytics.services.registry import serving

    fake = FakePredictor()
    monkeypatch.setattr(serving, "predictor_of", lambda model: fake)
    return fake


@pytest.fixture
def rows() -> list[list[float]]:
    return [[9.31, 9.35, 1000.0]] * WINDOW


def count_rows() -> dict[str, int]:
    """Rows of every table of the product and of the queue."""
    models = [*apps.get_app_config("analytics").get_models()]
    models += [*apps.get_app_config("django_q").get_models()]
    models += [*apps.get_app_config("authtoken").get_models(include_auto_created=True)][:1]
    quote = connection.ops.quote_name
    tables = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:  # one question: hundreds of tests ask it twice
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}', COUNT(*) FROM {quote(name)}" for name in tables)
        )
        return dict(cursor.fetchall())


def assert_error(
    answer: Any, status: int, code: str | None = None, field: str | None = None
) -> dict:
    """The one shape, and what it must name."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert {"code", "message", "fields"} <= body.keys()
    assert isinstance(body["code"], str)
    assert body["message"]
    assert isinstance(body["fields"], dict)
    assert "Traceback" not in body["message"]
    if code is not None:
        assert body["code"] == code, body
    if field is not None:
        assert field in body["fields"], body
    return body


@pytest.fixture
def refused(api):
    """Sends something bad; asserts shape, status, code, field, and that nothing was stored."""

    def send(
        path: str,
        body: Any = None,
        *,
        status: int = 400,
        code: str | None = None,
        field: str | None = None,
        method: str = "POST",
        **headers: str,
    ) -> dict:
        before = count_rows()
        found = assert_error(api(method, path, body, **headers), status, code, field)
        assert count_rows() == before
        return found

    return send
