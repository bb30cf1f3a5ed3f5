"""Several markets in one request: each is answered as it would be alone, and none hides another."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.models import Forecast, Market, TrainedModel
from analytics.services.forecasts import together
from analytics.services.forecasts.newest import newest
from analytics.services.prices.single import quote_add
from analytics.services.registry import serving
from tests.factories import make_market, make_model, make_quotes

from .conftest import Caller, assert_error
from .fakes import FakePredictor

pytestmark = pytest.mark.django_db(transaction=True)

PRICE, SPREAD = "dl/predict-price", "dl/predict-spread"
#: What differs from one answer to the next though nothing has changed.
CHANGING = ("generated_at", "latency_ms")


class Echo(FakePredictor):
    """Forecasts the newest price that it is shown, and remembers it; `meanwhile` happens as often
    as it is asked."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def _forecast(self, task: str, unit: str, value: float) -> Any:
        self.meanwhile()
        return super()._forecast(task, unit, self.seen[-1])

    def predict_price(self, frame: Any, **how: Any) -> Any:
        self.seen.append(float(frame["bid"].iloc[-1]))
        return super().predict_price(frame, **how)

    def predict_spread(self, frame: Any, **how: Any) -> Any:
        self.seen.append(float(frame["ask"].iloc[-1] - frame["bid"].iloc[-1]))
        return super().predict_spread(frame, **how)


@pytest.fixture
def network(monkeypatch) -> Echo:
    network = Echo()
    monkeypatch.setattr(serving, "predictor_of", lambda model: network)
    return network


def make_asked(count: int, first: int = 0) -> list[Market]:
    """Markets with an hour's quotes of their own and a version for both tasks."""
    markets = [make_market(f"USDT/BOB@venue{first + k}") for k in range(count)]
    for k, market in enumerate(markets):
        make_quotes(market, 60, end=timezone.now() - dt.timedelta(minutes=1), price=10 + first + k)
        for task in ("price", "spread"):
            make_model(market, task)
    return markets


@pytest.fixture
def three(network) -> list[Market]:
    return make_asked(3)


def symbols(markets: list[Market]) -> list[str]:
    return [market.symbol for market in markets]


def steady(answer: dict) -> dict:
    """Without what changes from answer to answer."""
    return {name: value for name, value in answer.items() if name not in CHANGING}


def together_of(api: Caller, path: str, markets: list[Market], **more: Any) -> dict:
    answer = api.post(path, {"markets": symbols(markets), **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


# ----------------------------------------------------------------------------------- as if alone
@pytest.mark.parametrize("path", [PRICE, SPREAD])
@pytest.mark.parametrize("hours", [None, 5])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "made anew"])
def test_each_is_answered_as_alone(api, three, path, hours, kept):
    young = make_market("USDT/ARS@venue0")  # too young for a version: its baseline answers
    make_quotes(young, 60, end=timezone.now() - dt.timedelta(minutes=2))
    at = {} if hours is None else {"at": (timezone.now() - dt.timedelta(hours=hours)).isoformat()}
    asked = [*reversed(three), young]
    alone = [api.post(path, {"market": one.symbol, **at}).json() for one in asked]
    stored = list(Forecast.objects.order_by("pk").values())
    if not kept:
        newest.clear()
    found = together_of(api, path, asked, **at)
    assert found.keys() == {"forecasts", "failed"}
    assert [steady(one) for one in found["forecasts"]] == [steady(one) for one in alone]
    assert found["failed"] == []
    assert len({one["last_value"] for one in alone}) == 4
    assert list(Forecast.objects.order_by("pk").values()) == stored


def test_what_is_noted_beside_them_is_in_the_caller_s_language_as_alone(api, three):
    """Notes, and why a market has no answer."""
    young, bare = make_market("USDT/ARS@venue0"), make_market("USDT/ARS@bare")
    make_quotes(young, 60, end=timezone.now() - dt.timedelta(minutes=2))
    asked = [young.symbol, bare.symbol]
    english = api.post(PRICE, {"markets": asked}).json()
    spanish = Caller(**api.headers, **{"accept-language": "es"})
    alone = [spanish.post(PRICE, {"market": ref}).json() for ref in asked]
    together = spanish.post(PRICE, {"markets": asked}).json()
    assert together["forecasts"][0]["notes"] == alone[0]["notes"]
    assert together["failed"] == [{"market": bare.symbol, **alone[1]}]
    assert not set(alone[0]["notes"]) & set(english["forecasts"][0]["notes"])
    assert alone[1]["message"] != english["failed"][0]["message"]


def test_what_is_asked_together_first_is_kept_and_answered_alone(api, three, network):
    found = together_of(api, PRICE, three)
    assert Forecast.objects.filter(task="price").count() == 3
    asked = len(network.seen)
    for one in found["forecasts"]:
        assert steady(api.post(PRICE, {"market": one["market"]}).json()) == steady(one)
    assert (len(network.seen), Forecast.objects.count()) == (asked, 3)


def test_nothing_after_the_moment_is_seen(api, three, network):
    at = timezone.now() - dt.timedelta(hours=5)
    found = together_of(api, PRICE, three, at=at.isoformat())
    seen = [one.prices.filter(timestamp__lte=at).latest().bid for one in three]
    assert [one["last_value"] for one in found["forecasts"]] == seen
    assert seen != [one.prices.latest().bid for one in three]


def test_ids_and_symbols_in_any_case_name_markets(api, three):
    refs = [str(three[0].pk), three[1].symbol.lower(), f" {three[2].symbol} "]
    found = api.post(PRICE, {"markets": refs}).json()
    assert [one["market"] for one in found["forecasts"]] == symbols(three)


def test_any_account_may_and_a_stranger_may_not(settings, as_user, three):
    settings.DEBUG = False
    body = {"markets": symbols(three)}
    assert as_user.post(PRICE, body).status_code == 200
    assert_error(Caller().post(PRICE, body), 401)


# ------------------------------------------------------------------------- what cannot be answered
def test_a_market_that_cannot_be_answered_is_named_beside_the_others(api, three):
    bare = make_market("USDT/ARS@bare")
    untrained = make_market("USDT/VES@grown")
    make_quotes(untrained, 1500)
    refs = ["USDT/XXX", three[0].symbol, bare.symbol, "usdt/bob", untrained.symbol]
    alone = {ref: api.post(PRICE, {"market": ref}).json() for ref in refs}
    answer = api.post(PRICE, {"markets": refs})
    assert answer.status_code == 200
    found = answer.json()
    assert [one["market"] for one in found["forecasts"]] == [three[0].symbol]
    assert found["failed"] == [
        {"market": ref, **alone[ref]} for ref in refs if ref != three[0].symbol
    ]
    codes = [one["code"] for one in found["failed"]]
    assert codes == ["unknown_market", "no_history", "market_required", "no_model"]
    assert "train-price-predictor" in found["failed"][-1]["train"]


def test_where_none_can_be_answered_nothing_looks_like_success(api, three):
    bare = make_market("USDT/ARS@bare")
    found = assert_error(api.post(PRICE, {"markets": ["USDT/XXX", bare.symbol]}), 404)
    assert found["code"] == "unknown_market"
    assert [one["code"] for one in found["failed"]] == ["unknown_market", "no_history"]
    assert_error(api.post(PRICE, {"markets": [bare.symbol]}), 400, "no_history", "market")


def test_a_fault_of_the_server_in_one_market_is_told_and_logged(
    api, three, network, monkeypatch, caplog
):
    def broken(model: TrainedModel) -> Echo:
        if model.market_id == three[1].pk:
            raise RuntimeError("the password is hunter2")
        return network

    monkeypatch.setattr(serving, "predictor_of", broken)
    found = together_of(api, PRICE, three)
    assert [one["market"] for one in found["forecasts"]] == symbols([three[0], three[2]])
    (failed,) = found["failed"]
    assert (failed["market"], failed["code"]) == (three[1].symbol, "internal")
    assert failed["request_id"]
    assert "hunter2" not in json.dumps(found)
    assert "hunter2" in caplog.text


def test_a_version_that_is_deleted_meanwhile_is_its_market_s_affair(api, three, network):
    own = TrainedModel.objects.filter(market=three[1], task="price")
    network.meanwhile = lambda: len(network.seen) == 2 and own.delete()
    found = together_of(api, PRICE, three)
    assert [one["market"] for one in found["forecasts"]] == symbols([three[0], three[2]])
    assert [one["code"] for one in found["failed"]] == ["database_error"]


def test_quotes_that_are_corrected_meanwhile_are_looked_at_again(api, three, network):
    last = three[1].prices.latest()

    def correct() -> None:
        if len(network.seen) == 2:
            quote_add(market=three[1], timestamp=last.timestamp, figures={"bid": 9.9, "ask": 10.0})

    network.meanwhile = correct
    found = together_of(api, PRICE, three)
    assert found["forecasts"][1]["last_value"] == 9.9
    assert Forecast.objects.get(market=three[1]).last_value == 9.9


def test_a_database_that_is_away_is_asked_once_not_for_every_market(api, three, monkeypatch):
    asked = []

    def away(**how: Any) -> None:
        asked.append(how["market"])
        raise OperationalError("connection failed")

    monkeypatch.setattr(together, "forecast_make", away)
    assert_error(api.post(PRICE, {"markets": symbols(three)}), 503, "database_error")
    assert len(asked) == 1


# --------------------------------------------------------------------------------------- statements
@pytest.mark.parametrize("path", [PRICE, SPREAD])
@pytest.mark.parametrize("hours", [None, 5])
def test_while_nothing_changes_more_markets_cost_no_more_statements(api, three, path, hours):
    at = {} if hours is None else {"at": (timezone.now() - dt.timedelta(hours=hours)).isoformat()}
    six = [*three, *make_asked(3, first=3)]
    assert statements_of(api, path, [three, six], at) == [2, 2]


@pytest.mark.parametrize("path", [PRICE, SPREAD])
def test_nor_do_markets_that_no_version_answers(api, three, path):
    young = [make_market(f"USDT/ARS@venue{k}") for k in range(4)]
    for market in young:
        make_quotes(market, 60, end=timezone.now() - dt.timedelta(minutes=2))
    others = make_asked(4, first=3)
    TrainedModel.objects.filter(market__in=others).update(status="candidate")
    few, more = [*three, *young[:1], *others[:1]], [*three, *young, *others]
    assert statements_of(api, path, [few, more], {}) == [3, 3]
    sources = [one["model"]["source"] for one in together_of(api, path, more)["forecasts"]]
    assert sources == [*["network"] * 3, *["baseline"] * 8]
    for one in together_of(api, path, more)["forecasts"]:
        assert steady(api.post(path, {"market": one["market"]}).json()) == steady(one)


def test_a_version_that_is_trained_or_promoted_since_speaks(api, three, network):
    (market,) = make_asked(1, first=3)
    TrainedModel.objects.filter(market=market).delete()
    versions = []
    for change in (
        lambda: None,
        lambda: make_model(market, "price", status="candidate"),
        lambda: TrainedModel.objects.filter(market=market).update(status="retired"),
        lambda: TrainedModel.objects.filter(market=market).update(status="active"),
    ):
        change()
        (one,) = together_of(api, PRICE, [market])["forecasts"]
        assert steady(api.post(PRICE, {"market": market.symbol}).json()) == steady(one)
        versions.append((one["model"]["id"] is None, one["model"]["status"]))
    assert versions == [
        (True, "candidate"),
        (False, "candidate"),
        (False, "retired"),
        (False, "active"),
    ]


def statements_of(api: Caller, path: str, sets: list[list[Market]], at: dict) -> list[int]:
    """How many a second request for each of these sets of markets takes."""
    counts = []
    for markets in sets:
        first = together_of(api, path, markets, **at)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            again = together_of(api, path, markets, **at)
        assert [steady(one) for one in again["forecasts"]] == [
            steady(one) for one in first["forecasts"]
        ]
        counts.append(len(queries))
    return counts


def test_only_a_market_with_a_new_quote_is_forecast_anew(api, three, network):
    together_of(api, PRICE, three)
    quote_add(market=three[1], timestamp=timezone.now(), figures={"bid": 9.9, "ask": 10.0})
    asked = len(network.seen)
    found = together_of(api, PRICE, three)
    assert network.seen[asked:] == [9.9]
    assert found["forecasts"][1]["last_value"] == 9.9


def test_a_market_whose_old_quotes_were_rewritten_is_forecast_anew(api, three, network):
    together_of(api, PRICE, three)
    asked = len(network.seen)
    old = three[2].prices.order_by("timestamp")[30]
    quote_add(market=three[2], timestamp=old.timestamp, figures={"bid": 9.9, "ask": 10.0})
    together_of(api, PRICE, three)
    assert len(network.seen) == asked + 1


def test_another_version_speaks_at_once(api, three, network):
    first = together_of(api, PRICE, three)
    TrainedModel.objects.filter(market=three[0], task="price").update(status="retired")
    other = make_model(three[0], "price")
    found = together_of(api, PRICE, three)
    assert found["forecasts"][0]["model"]["id"] == other.pk
    assert [steady(one) for one in found["forecasts"][1:]] == [
        steady(one) for one in first["forecasts"][1:]
    ]


def test_an_expiry_since_the_last_answer_is_told(api, three):
    assert not together_of(api, PRICE, three)["forecasts"][0]["model"]["expired"]
    long_ago = timezone.now() - dt.timedelta(days=1000)
    TrainedModel.objects.filter(market=three[0]).update(trained_at=long_ago)
    from analytics.selectors.models import version_row

    version_row.cache_clear()  # as in a process that reads the version now
    found = together_of(api, PRICE, three)["forecasts"]
    assert [one["model"]["expired"] for one in found] == [True, False, False]
    assert any("expired" in note for note in found[0]["notes"])


# --------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize("path", [PRICE, SPREAD])
@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"market": "USDT/BOB"}, "contradiction", "market"),
        ({"sequence": [[1, 2]]}, "contradiction", "sequence"),
        ({"markets": []}, "invalid", "markets"),
        ({"markets": "USDT/BOB"}, "invalid", "markets"),
        ({"markets": None}, "invalid", "markets"),
        ({"markets": {"a": 1}}, "invalid", "markets"),
        ({"markets": ["USDT/BOB@venue0", ""]}, "invalid", "markets.1"),
        ({"markets": [["USDT/BOB@venue0"]]}, "invalid", "markets.0"),
        ({"markets": ["x" * 200]}, "invalid", "markets.0"),
        ({"markets": ["USDT/BOB@venue0", "usdt/bob@VENUE0"]}, "contradiction", "markets"),
        ({"markets": ["USDT/XXX", "usdt/xxx"]}, "contradiction", "markets"),
        ({"markets": [f"USDT/BOB@v{k}" for k in range(101)]}, "invalid", "markets"),
        ({"markets": ["USDT/BOB@venue0"], "at": "noon"}, "invalid", "at"),
        ({"markets": ["USDT/BOB@venue0"], "history": 1}, "unknown_parameter", "history"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(refused, three, path, body, code, field):
    refused(path, {"markets": [three[0].symbol], **body}, code=code, field=field)


def test_a_market_by_id_and_by_symbol_is_named_twice(refused, three):
    body = {"markets": [str(three[0].pk), three[1].symbol, three[0].symbol]}
    found = refused(PRICE, body, code="contradiction", field="markets")
    assert three[0].symbol in found["fields"]["markets"]


def test_a_list_stands_in_the_body(refused, three):
    refused(f"{PRICE}?markets={three[0].symbol}", code="contradiction", field="markets")


def test_a_hundred_are_as_many_as_are_answered(api, network):
    asked = [f"USDT/BOB@none{k}" for k in range(100)]
    (one,) = make_asked(1)
    found = api.post(PRICE, {"markets": [*asked[1:], one.symbol]}).json()
    assert (len(found["forecasts"]), len(found["failed"])) == (1, 99)


@pytest.mark.parametrize("path", ["dl/recognize-patterns", "dl/detect-anomalies"])
def test_what_answers_for_one_market_alone_takes_no_list(refused, three, path):
    refused(path, {"markets": symbols(three)}, code="unknown_parameter", field="markets")


def test_refusals_are_in_the_reader_s_language(api, three):
    body = {"market": three[0].symbol, "markets": symbols(three)}
    english = api.post(PRICE, body).json()["fields"]["market"]
    spanish = api.post(PRICE, body, **{"accept-language": "es"}).json()["fields"]["market"]
    assert "markets" in english
    assert "markets" in spanish
    assert english != spanish
