"""Wrong input to the resources: named, in the one shape, and no row left in any table."""

from __future__ import annotations

import pytest

from analytics.models import TrainedModel
from tests import factories

from .conftest import PREDICT, TRAIN
from .rows import make_anomaly

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("markets", {}, "asset"),
        ("markets", {"asset": "A B", "fiat": "BOB", "exchange": "x"}, "asset"),
        ("markets", {"asset": "A" * 30, "fiat": "BOB", "exchange": "x"}, "asset"),
        ("markets", {"asset": None, "fiat": "BOB", "exchange": "x"}, "asset"),
        ("markets", {"asset": "A", "fiat": "B", "exchange": "x", "cadence_minutes": 0},
         "cadence_minutes"),
        ("markets", {"asset": "A", "fiat": "B", "exchange": "x", "id": 7}, "id"),
        ("training-runs", {}, "task"),
        ("training-runs", {"task": "weather"}, "task"),
        ("models/rollback", {}, "task"),
        ("models/rollback", {"task": []}, "task"),
        ("prices", {}, "rows"),
        ("prices", [], "rows"),
        ("prices", {"rows": {}}, "rows"),
        ("prices", [1], "rows.0"),
        ("prices", {"rows": [None]}, "rows.0"),
        ("prices", {"rows": [{}], "market": [1]}, "market"),
        ("token", {}, "username"),
        ("token", {"username": "ana"}, "password"),
        ("token", {"username": ["ana"], "password": {}}, "username"),
        ("token", {"username": "a\x00", "password": "x"}, "username"),
    ],
)  # fmt: skip
def test_wrong_bodies_of_resources_are_named(refused, market, path, body, field):
    refused(path, body, field=field)


@pytest.mark.parametrize("asset", ["USDT", "usdt"])
def test_a_market_that_exists_is_a_conflict(refused, market, asset):
    body = {"asset": asset, "fiat": "BOB", "exchange": "binance_p2p"}
    refused("markets", body, status=409, code="market_exists")


QUOTE = {"timestamp": "2026-05-01T00:00:00Z", "bid": 9.3}


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({}, "rows.1.timestamp"),
        ({"timestamp": "noon", "bid": 1}, "rows.1.timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+14:00", "bid": 1}, "rows.1.timestamp"),
        ({"timestamp": 7, "bid": 1}, "rows.1.timestamp"),
        ({**QUOTE, "bid": None}, "rows.1.price"),
        ({**QUOTE, "bid": 0}, "rows.1.bid"),
        ({**QUOTE, "bid": -1}, "rows.1.bid"),
        ({**QUOTE, "bid": "x"}, "rows.1.bid"),
        ({**QUOTE, "bid": "nan"}, "rows.1.bid"),
        ({**QUOTE, "bid": [1]}, "rows.1.bid"),
        ({**QUOTE, "bid": True}, "rows.1.bid"),
        ({**QUOTE, "bid": 10**200}, "rows.1.bid"),
        ({**QUOTE, "bid": 1e300}, "rows.1.bid"),
        ({**QUOTE, "ask_offers": 1.5}, "rows.1.ask_offers"),
        ({**QUOTE, "ask_offers": 10**30}, "rows.1.ask_offers"),
        ({**QUOTE, "foo": 1}, "rows.1.foo"),
        ({**QUOTE, "market": "EUR/USD@x"}, "rows.1.market"),
        ({**QUOTE, "market": {}}, "rows.1.market"),
    ],
)
def test_one_bad_quote_keeps_all_out_and_is_named(refused, market, bad, field):
    refused("prices", {"market": market.symbol, "rows": [QUOTE, bad]}, field=field)


@pytest.mark.parametrize("ref", ["nonsense", "A/B", "A B/C@x", 7, None, "a\x00/b@c", "²"])
def test_a_quote_of_a_list_names_its_market(refused, market, ref):
    refused("prices", [{**QUOTE, "market": ref}], field="rows.0.market")


def test_too_many_quotes_are_refused(refused, market):
    refused("prices", [QUOTE] * 10_001, code="too_many_rows", field="rows")


@pytest.mark.parametrize("cadence", [0, -1, "x", None, 10**30, 1.5, True])
def test_a_wrong_cadence_is_refused(refused, market, cadence):
    path = f"markets/{market.pk}"
    refused(path, {"cadence_minutes": cadence}, field="cadence_minutes", method="PATCH")


@pytest.mark.parametrize(
    "path",
    [
        "markets/{}", "models/{}", "training-runs/{}", "forecasts/{}", "anomalies/{}",
        "patterns/{}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("pk", ["99999", "9" * 18, "9" * 40, "x", "-1", "1.5", "%00", "٣"])
def test_an_unknown_id_is_404(refused, market, path, pk):
    refused(path.format(pk), status=404, code="not_found", method="GET")


@pytest.mark.parametrize(
    "path",
    [
        "training-runs/77/cancel", "models/77/promote", "models/77/retire",
        "anomalies/77/acknowledge", "anomalies/77/label", "anomaly-events/77/feedback",
    ],
)  # fmt: skip
def test_acting_on_what_is_not_there_is_404(refused, market, path):
    refused(path, status=404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("forecasts?market=nowhere", "market"),
        ("forecasts?task=weather", "task"),
        ("forecasts?from=x", "from"),
        ("forecasts?to=0001-01-01T00:00:00%2B14:00", "to"),
        ("forecasts?model_id=-1e999999999", "model_id"),
        ("forecasts?model_id=1e999999999", "model_id"),
        ("forecasts?model_id=x", "model_id"),
        ("forecasts?ordering=password", "ordering"),
        ("forecasts?page_size=0", "page_size"),
        ("forecasts?page_size=x", "page_size"),
        ("forecasts?page_size=" + "9" * 5000, "page_size"),
        ("forecasts?mraket=1", "mraket"),
        ("forecasts?stale=&task=price", "stale"),
        ("forecasts?task=%00", "task"),
        ("anomalies?severity=bad", "severity"),
        ("anomalies?label=bad", "label"),
        ("anomalies?min_score=nan", "min_score"),
        ("anomaly-events?open=maybe", "open"),
        ("anomalies?acknowledged=maybe", "acknowledged"),
        ("forecasts?stale=maybe", "stale"),
        ("patterns?clear=1", "clear"),
        ("anomaly-events?feedback=bad", "feedback"),
        ("anomaly-events?from=yesterday", "from"),
        ("anomaly-events?severity=bad", "severity"),
        ("anomalies?kind=%00", "kind"),
        ("patterns?source=oracle", "source"),
        ("training-runs?status=asleep", "status"),
        ("models?version=x", "version"),
        ("markets?asset=%00", "asset"),
        ("markets?bogus=1", "bogus"),
        ("prices?from=x", "from"),
        ("prices?ordering=bid", "ordering"),
        ("prices?market=nowhere", "market"),
        ("prices?market=%00", "market"),
        ("families?task=weather", "task"),
        ("dl/model-info?market=nowhere", "market"),
        ("dl/model-info?bogus=1", "bogus"),
    ],
)
def test_wrong_queries_of_lists_are_named(refused, market, query, field):
    status = 404 if query.endswith("nowhere") else 400
    refused(query, status=status, field=field, method="GET")


@pytest.mark.parametrize(
    "path",
    [
        "forecasts?page=0", "forecasts?page=x", f"forecasts?page={'9' * 5000}",
        "forecasts?page=7", "prices?cursor=x", "prices?cursor=cD1hYmM=", "prices?cursor=cD0=",
        "prices?cursor=cD0yMDI2LTAxLTAxVDI1OjAwOjAwWg==", "prices?cursor=/w==",
        "nothing", "dl/nothing", "markets/1/2",
        "dl/predict-price/x",
    ],
)  # fmt: skip
def test_pages_and_addresses_that_are_not_there_are_404(refused, market, path):
    refused(path, status=404, code="not_found", method="GET")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [*TRAIN, *PREDICT, "token", "models/rollback"])
def test_the_wrong_method_is_405(refused, path, method):
    refused(path, status=405, code="method_not_allowed", method=method)


@pytest.mark.parametrize("label", [None, "maybe", 1, [], {}])
def test_a_label_is_true_false_or_empty(refused, market, models, label):
    anomaly = make_anomaly(market, models["anomaly"])
    refused(f"anomalies/{anomaly.pk}/label", {"label": label}, field="label")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"feedback": "maybe"}, "feedback"),
        ({"feedback": None}, "feedback"),
        ({"note": "x"}, "feedback"),
        ({"feedback": "true", "note": "x" * 1001}, "note"),
        ({"feedback": "", "note": "x"}, "note"),
        ({"feedback": "true", "by": "eva"}, "by"),
    ],
)
def test_a_wrong_feedback_is_refused(refused, models, body, field):
    event = factories.make_event(models["anomaly"])
    refused(f"anomaly-events/{event.pk}/feedback", body, field=field)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"force": "maybe"}, 400, "invalid", "force"),
        ({"force": True}, 409, "reason_required", "reason"),
        ({"reason": "x" * 1001}, 400, "invalid", "reason"),
        ({"reason": ["x"]}, 400, "invalid", "reason"),
        ({"by": "eva"}, 400, "unknown_parameter", "by"),
    ],
)
def test_a_wrong_promotion_is_refused(refused, models, body, status, code, field):
    model = models["price"]
    TrainedModel.objects.update(status="candidate")
    refused(f"models/{model.pk}/promote", body, status=status, code=code, field=field)
