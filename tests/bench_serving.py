"""The lines of `make bench` about serving: predict-price over HTTP, and one quote through the flow.

Each beside a plain way that is measured in the same run: a Django view without middleware that asks
a network of the same size by onnxruntime and nothing else; and the four answers from a history that
is read anew.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from bench.speed.bare import view_of
from bench.speed.measuring import row, seconds
from bench.speed.world import learn

BARE = "tests.bench_serving"
ADDRESS = "/api/v1/analytics/dl/predict-price"
urlpatterns: list[Any] = []


def bench_serving(market: Any) -> None:
    """Train one epoch of each task (a longer training answers in the same time), and ask."""
    learn(market)
    _http(market)
    _flow(market)


def _http(market: Any) -> None:
    from django.contrib.auth import get_user_model
    from rest_framework.authtoken.models import Token

    from analytics.models import PriceHistory, TrainedModel

    model = TrainedModel.objects.get(market=market, task="price")
    quotes = PriceHistory.objects.filter(market=market).order_by("-timestamp")
    rows = list(quotes.values_list(*model.input_columns)[: model.window])[::-1]
    token = Token.objects.create(user=get_user_model().objects.create(username="bench"))
    held = {"HTTP_AUTHORIZATION": f"Token {token.key}"}
    plain = _bare(model.window, rows)
    for name, body in (("a sequence", {"sequence": rows}), ("stored history", {})):
        asked = json.dumps({"market": market.symbol, **body})
        row(
            f"predict-price, HTTP, {name}",
            seconds(_poster(ADDRESS, asked, held), runs=60),
            plain,
            "onnxruntime in a bare Django view",
        )


def _poster(address: str, body: str, headers: dict[str, str]) -> Callable[[], None]:
    from django.test import Client

    client = Client(SERVER_NAME="127.0.0.1")

    def post() -> None:
        answer = client.post(address, body, content_type="application/json", **headers)
        if answer.status_code != 200:
            raise RuntimeError(answer.content[:300])

    return post


def _bare(window: int, rows: list[Any]) -> float:
    """Seconds of the plain view, which reads the same rows and knows no features."""
    from django.test import override_settings
    from django.urls import path

    urlpatterns[:] = [path("bare", view_of(window))]
    with override_settings(ROOT_URLCONF=BARE, MIDDLEWARE=[]):
        return seconds(_poster("/bare", json.dumps({"sequence": rows}), {}), runs=60)


def _flow(market: Any) -> None:
    from analytics.models import PriceHistory
    from analytics.services.flow import quotes_follow

    columns = [column.name for column in PriceHistory.SCHEMA]

    def quote() -> None:
        last, *_rest, before = PriceHistory.objects.filter(market=market)[:48]
        moment = last.timestamp + dt.timedelta(minutes=30)
        figures = {name: getattr(before, name) for name in columns}
        PriceHistory.objects.create(market=market, timestamp=moment, **figures)
        if not quotes_follow(now=moment + dt.timedelta(seconds=5)):
            raise RuntimeError("the quote was not followed")

    row(
        "one quote through the flow",
        seconds(quote, runs=9),
        seconds(lambda: _anew(market), runs=5),
        "four answers, history read anew",
    )


def _anew(market: Any) -> None:
    """What a market's four models say of its last quote, by whoever remembers nothing."""
    from analytics.models import TrainedModel
    from analytics.selectors.frames import price_frame
    from analytics.services.registry.serving import predictor_of

    ask = {
        "price": lambda how, quotes: how.predict_price(quotes),
        "spread": lambda how, quotes: how.predict_spread(quotes),
        "anomaly": lambda how, quotes: how.detect_anomalies(quotes, start=quotes.index[-1]),
        "pattern": lambda how, quotes: how.recognize_patterns(quotes),
    }
    for model in TrainedModel.objects.filter(market=market):
        ask[model.task](predictor_of(model), price_frame(market))
