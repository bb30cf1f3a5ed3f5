"""A simulated market lies in the database once, and never on top of a real one."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market, PriceHistory
from analytics.services.prices.importing import price_import
from analytics.services.prices.posting import price_bulk_add
from analytics.services.prices.simulation import price_simulate, simulation_write

pytestmark = pytest.mark.django_db

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def stored() -> list[tuple]:
    return list(PriceHistory.objects.order_by("timestamp").values_list("timestamp", "bid", "ask"))


def test_a_second_simulation_replaces_the_first():
    market = price_simulate(days=5, start=START)
    first = stored()
    assert price_simulate(days=5, start=START) == market
    assert stored() == first
    price_simulate(days=5, start=START, seed=1)
    assert stored() != first
    assert stored()[0][0] >= START


def test_by_default_it_ends_now():
    market = price_simulate(days=5)
    assert (market.symbol, market.cadence_minutes) == ("USDT/SIM@simulated", 30)
    age = timezone.now() - PriceHistory.objects.latest().timestamp
    assert dt.timedelta(0) <= age < dt.timedelta(hours=12)


def test_a_market_with_quotes_of_its_own_is_left_alone():
    row = {"timestamp": "2026-05-01T12:00:00Z", "market": "USDT/BOB@x", "bid": 9.3}
    price_bulk_add(rows=[row], create_market=True)
    with pytest.raises(Conflict):
        price_simulate(market="USDT/BOB@x", days=5)
    assert PriceHistory.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"market": "x"},
        {"days": 0},
        {"days": 10**6},
        {"seed": -1},
        {"start": dt.datetime(9000, 1, 1, tzinfo=dt.UTC)},
    ],
)
def test_wrong_wishes_are_named(wrong):
    with pytest.raises(InvalidInput) as caught:
        price_simulate(**wrong)
    assert list(caught.value.fields) == list(wrong)
    assert Market.objects.count() == 0


def test_the_file_holds_the_same_quotes(tmp_path):
    rows = simulation_write(out=tmp_path / "new" / "q.csv.gz", days=5, start=START)
    price_simulate(days=5, start=START)
    report = price_import(path=tmp_path / "new" / "q.csv.gz")
    assert (report.read, report.unchanged, report.rejected) == (rows, rows, 0)


def test_labels_are_written_beside_the_quotes(tmp_path):
    simulation_write(
        out=tmp_path / "q.csv", labels=tmp_path / "l.csv", days=30, start=START, anomalies=True
    )
    lines = (tmp_path / "l.csv").read_text().splitlines()
    assert lines[0] == "kind,start,end"
    assert len(lines) > 5
    assert lines[1].endswith("Z")


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InvalidInput):
        simulation_write(out=tmp_path, days=1)
