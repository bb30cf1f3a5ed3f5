"""What is read and written without a queryset is what a queryset reads and writes."""

from __future__ import annotations

import datetime as dt

import pytest
from django.forms.models import model_to_dict

from analytics.models import AnomalyWatch, Forecast, ForecastScore, Market, PriceHistory
from analytics.models.direct import (
    fetch,
    insert_missing,
    insert_or_update,
    moment,
    rows_where,
    save_again,
    update_where,
)
from tests import factories

pytestmark = pytest.mark.any_database

AT = dt.datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=dt.UTC)


@pytest.fixture
def forecast(db) -> Forecast:
    return factories.make_forecast(factories.make_model(factories.make_market()), as_of=AT)


def another(forecast: Forecast, **fields) -> Forecast:
    told = {f.attname: getattr(forecast, f.attname) for f in Forecast._meta.concrete_fields}
    return Forecast(**(told | {"id": None, "generated_at": None} | fields))


def test_rows_are_those_of_a_queryset(forecast):
    (found,) = rows_where(Forecast, "market_id = %s AND as_of >= %s", [forecast.market_id, AT])
    stored = Forecast.objects.get()
    assert found == stored
    for field in Forecast._meta.concrete_fields:
        assert getattr(found, field.attname) == getattr(stored, field.attname), field.name
    assert found.horizons
    assert rows_where(Forecast, "as_of > %s", [AT]) == []


def test_moments_are_aware_whatever_the_database_gives(forecast):
    found = fetch(f"SELECT as_of FROM {Forecast._meta.db_table}", [])
    assert moment(found[0][0]) == AT
    assert moment("2026-05-01 12:00:00.250000") == AT
    assert moment(AT.replace(tzinfo=None)) == AT
    assert moment(AT.astimezone(dt.timezone(dt.timedelta(hours=-4)))).tzinfo == dt.UTC


def test_what_is_there_already_stays_as_it_is(forecast):
    later = another(forecast, as_of=AT + dt.timedelta(hours=1), last_value=12.5, notes=["x"])
    insert_missing(Forecast, [another(forecast, last_value=99.0), later])
    assert [f.last_value for f in Forecast.objects.order_by("as_of")] == [
        forecast.last_value,
        12.5,
    ]
    new = Forecast.objects.order_by("as_of").last()
    assert new.generated_at is not None
    assert (new.horizons, new.notes) == (forecast.horizons, ["x"])


def test_more_rows_than_a_statement_takes_are_all_written(forecast):
    insert_missing(ForecastScore, [])
    rows = [
        ForecastScore(
            forecast=forecast,
            steps=steps,
            target_at=AT,
            actual=1.0,
            error=0.1,
            naive_error=0.2,
            crps=0.3,
            inside_80=True,
            inside_90=False,
        )
        for steps in range(1, 251)
    ]
    insert_missing(ForecastScore, rows)
    assert ForecastScore.objects.count() == 250
    assert ForecastScore.objects.filter(inside_80=True, inside_90=False).count() == 250


def test_only_the_fields_that_are_named_are_brought_up_to_date(forecast):
    market = forecast.market
    market.cadence_minutes = 15
    rows = [AnomalyWatch(market=market, state="watching", detail="old")]
    insert_or_update(AnomalyWatch, rows, unique="market", fields=["state"])
    rows = [AnomalyWatch(market=market, state="failed", detail="new")]
    insert_or_update(AnomalyWatch, rows, unique="market", fields=["state"])
    watch = AnomalyWatch.objects.get()
    assert (watch.state, watch.detail) == ("failed", "old")


def test_an_update_says_how_many_rows_met_the_condition(forecast):
    values = {"last_value": 3.5, "as_of": AT + dt.timedelta(minutes=5)}
    assert update_where(Forecast, values, "id = %s AND as_of = %s", [forecast.pk, AT]) == 1
    assert update_where(Forecast, values, "id = %s AND as_of = %s", [forecast.pk, AT]) == 0
    forecast.refresh_from_db()
    assert (forecast.last_value, forecast.as_of) == (3.5, AT + dt.timedelta(minutes=5))


def test_a_row_is_saved_again_whole_and_anew_where_it_is_gone(forecast):
    watch = AnomalyWatch(market=forecast.market, state="watching")
    save_again(watch)
    checked = AnomalyWatch.objects.get().checked_at
    watch.state, watch.scored_until = "failed", AT
    save_again(watch)
    stored = AnomalyWatch.objects.get()
    assert (stored.state, stored.scored_until) == ("failed", AT)
    assert stored.checked_at > checked
    AnomalyWatch.objects.all().delete()
    save_again(watch)
    assert model_to_dict(AnomalyWatch.objects.get()) == model_to_dict(stored)


def test_tables_of_quotes_have_counters_that_this_would_go_past():
    """Who writes quotes or markets this way would leave every cache as it was."""
    import ast
    from pathlib import Path

    root = Path(__file__).resolve().parents[3] / "analytics"
    writers = {"insert_missing", "insert_or_update", "update_where"}
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in writers:
                first = node.args[0]
                named = first.id if isinstance(first, ast.Name) else ""
                assert named not in (PriceHistory.__name__, Market.__name__), file
