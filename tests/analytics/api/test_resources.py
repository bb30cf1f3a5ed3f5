"""Lists, details and the verbs on them, through the real services."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.models import (
    Market,
    PriceHistory,
    TrainedModel,
    TrainingRun,
)
from tests import factories

from .conftest import assert_error, make_model, make_run
from .rows import make_anomaly, make_forecast, make_pattern

pytestmark = pytest.mark.django_db
Run, Status = TrainingRun.Status, TrainedModel.Status


def _fill(market: Market, first: int, last: int) -> None:
    for k in range(first, last):
        model = make_model(market, "price")
        make_anomaly(market, model, k)
        make_forecast(market, model, k)
        make_pattern(market, model, k)


# ---------------------------------------------------------------------------------------- reading
@pytest.mark.parametrize(
    "path",
    [
        "markets",
        "prices",
        "training-runs",
        "models",
        "forecasts",
        "anomalies",
        "anomaly-events",
        "patterns",
        "sources",
    ],
)
def test_a_longer_list_asks_no_more_queries(api, market, quotes, path):
    _fill(market, 0, 2)
    api.get(f"{path}?page_size=1000")
    counts = []
    for first, last in ((2, 3), (3, 9)):
        _fill(market, first, last)
        if path == "sources":
            for k in range(first, last):
                factories.make_source(factories.make_market(f"A{k}/USD@x"))
        if path == "markets":
            Market.objects.create(asset=f"A{first}", fiat="USD", exchange="x")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            tail = f"&market={market.pk}" if path == "prices" else ""
            answer = api.get(f"{path}?page_size=1000{tail}")
        assert answer.status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 3


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "path", ["training-runs", "models", "forecasts", "anomalies", "patterns", "markets"]
)
def test_every_row_has_a_page_of_its_own(api, market, models, path, slash):
    _fill(market, 0, 1)
    listed = api.get(path + slash).json()["results"][0]
    own = api.get(f"{path}/{listed['id']}{slash}")
    assert own.status_code == 200
    assert own.json().items() >= listed.items()


def test_moments_are_utc_with_a_z_and_figures_are_numbers(api, quotes):
    row = api.get("prices?page_size=1").json()["results"][0]
    assert row["timestamp"] == "2026-05-01T12:00:00Z"
    assert row["market"] == "USDT/BOB@binance_p2p"
    assert (row["bid"], row["ask_volume"]) == (9.31, None)
    assert row["avg_price"] == pytest.approx(9.33)
    assert row["spread_pct"] == pytest.approx(0.42872454)


def test_pages_of_quotes_follow_each_other_without_counting(api, quotes):
    seen: list[str] = []
    path = "prices?page_size=7&ordering=timestamp"
    while path:
        with CaptureQueriesContext(connection) as queries:
            page = api.get(path).json()
        assert not any("COUNT(" in q["sql"] for q in queries)
        seen += [row["timestamp"] for row in page["results"]]
        path = (page["next"] or "").replace("http://127.0.0.1:8000", "")
    assert len(seen) == 20
    assert seen == sorted(set(seen))


def test_quotes_are_filtered_by_time(api, quotes):
    page = api.get("prices?from=2026-05-01T11:00:00Z&to=2026-05-01T11:30:00+00:00").json()
    assert [row["timestamp"][11:16] for row in page["results"]] == ["11:30", "11:00"]


def test_quotes_of_several_markets_need_a_choice(api, quotes):
    Market.objects.create(asset="USDT", fiat="ARS", exchange="bybit_p2p")
    assert_error(api.get("prices"), 400, field="market")
    assert api.get("prices?market=USDT/ARS@bybit_p2p").json()["results"] == []
    assert len(api.get("prices?market=USDT/BOB@binance_p2p").json()["results"]) == 20


def test_runs_are_filtered_by_status_and_task(api, market):
    open_run = make_run(market, "price", status=Run.RUNNING)
    make_run(market, "spread", status=Run.FAILED)
    listed = api.get("training-runs?status=queued&status=running&task=price").json()
    assert [run["id"] for run in listed["results"]] == [open_run.pk]
    assert "losses" not in listed["results"][0]


def test_a_run_shows_its_losses_and_its_model(api, market):
    model = make_model(market, "price")
    TrainingRun.objects.filter(pk=model.run_id).update(losses=[["fit", 0.5, 0.6]])
    run = api.get(f"training-runs/{model.run_id}").json()
    assert (run["model_id"], run["losses"]) == (model.pk, [["fit", 0.5, 0.6]])


def test_families_say_what_can_be_set(api):
    families = api.get("families").json()
    assert {family["task"] for family in families} == {"price", "spread", "anomaly", "pattern"}
    names = {parameter["name"] for parameter in families[0]["parameters"]}
    assert {"epochs", "batch_size", "learning_rate", "seed"} <= names
    assert {f["task"] for f in api.get("families?task=price").json()} == {"price"}


# ---------------------------------------------------------------------------------------- markets
def test_a_market_is_added_read_and_given_another_cadence(api, db):
    body = {"asset": "USDT", "fiat": "BOB", "exchange": "binance_p2p", "cadence_minutes": 15}
    made = api.post("markets/", body)
    assert made.status_code == 201
    assert made.json()["symbol"] == "USDT/BOB@binance_p2p"
    path = f"markets/{made.json()['id']}"
    assert api("PATCH", path, {"cadence_minutes": 60}).json()["cadence_minutes"] == 60
    read = api.get(path).json()
    assert read["cadence_minutes"] == 60
    assert read["freshness"]["last_quote_at"] is None


def test_a_market_says_how_fresh_it_is(api, market, quotes):
    assert api.get("markets").json()["results"][0]["last_quote_at"] == "2026-05-01T12:00:00Z"
    freshness = api.get(f"markets/{market.pk}").json()["freshness"]
    assert freshness["last_quote_at"] == "2026-05-01T12:00:00Z"


def test_a_market_cannot_be_renamed_or_deleted(api, market):
    path = f"markets/{market.pk}"
    assert_error(api("PATCH", path, {"asset": "BTC"}), 400, "unknown_parameter", "asset")
    assert_error(api("DELETE", path), 405, "method_not_allowed")
    assert_error(api("PUT", path, {}), 405, "method_not_allowed")


# ------------------------------------------------------------------------------- runs and models
def test_a_queued_run_is_cancelled_once(api, market):
    run = make_run(market, status=Run.QUEUED)
    answer = api.post(f"training-runs/{run.pk}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    again = assert_error(api.post(f"training-runs/{run.pk}/cancel/"), 409, "run_closed")
    assert again["status_url"] == f"/api/v1/analytics/training-runs/{run.pk}"


def test_a_version_is_promoted_retired_and_rolled_back(as_staff, staff, market):
    first, second = make_model(market), make_model(market, score=0.05)
    assert as_staff.post(f"models/{first.pk}/promote").json()["status"] == "active"
    assert_error(as_staff.post(f"models/{first.pk}/promote"), 409, "already_active")
    body = {"force": True, "reason": "it is fresher"}
    assert as_staff.post(f"models/{second.pk}/promote", body).json()["status"] == "active"
    first.refresh_from_db()
    assert first.status == Status.RETIRED
    event = second.events.get()
    assert (event.by, event.reason, event.automatic) == (staff, "it is fresher", False)
    back = as_staff.post("models/rollback", {"task": "price", "reason": "worse"})
    assert (back.status_code, back.json()["id"]) == (200, first.pk)
    assert as_staff.post(f"models/{first.pk}/retire?reason=old").json()["status"] == "retired"
    assert_error(as_staff.post(f"models/{first.pk}/retire"), 409, "already_retired")


def test_a_version_that_is_not_better_stays_back(api, market):
    model = make_model(market, beats_baseline=False)
    found = assert_error(api.post(f"models/{model.pk}/promote"), 409, "not_better")
    assert found["figures"]["better"] is False


def test_without_an_earlier_version_there_is_no_way_back(api, market, models):
    assert_error(api.post("models/rollback?task=price"), 409, "no_earlier_version")


# ----------------------------------------------------------------------------------------- quotes
@pytest.mark.parametrize("wrapped", [True, False])
def test_quotes_are_added_in_bulk_and_only_once(api, market, wrapped):
    rows = [
        {"timestamp": f"2026-05-01T0{k}:00:00Z", "bid": 9.3, "ask": 9.4, "ask_offers": 12}
        for k in range(3)
    ]
    path = "prices" if wrapped else f"prices?market={market.symbol}"
    body = {"market": market.symbol, "rows": rows} if wrapped else rows
    for new in (3, 0):
        answer = api.post(path, body)
        counts = {"new": new, "updated": 0, "unchanged": 3 - new}
        assert answer.json() == {**counts, "decisions": [], "created": []}
        assert PriceHistory.objects.count() == 3
