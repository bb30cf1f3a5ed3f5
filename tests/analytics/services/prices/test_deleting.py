"""Quotes are deleted once they are confirmed, and what was made of them goes with them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics.events import AnomalyChanged, AnomalyClosed, QuotesDeleted, subscribed
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import (
    AnomalyEvent,
    AnomalyResult,
    AnomalyStream,
    AnomalyWatch,
    Forecast,
    ForecastScore,
    PatternResult,
    PriceDeletion,
    PriceHistory,
)
from analytics.selectors.prices import market_counters
from analytics.selectors.recent import recent_quotes
from analytics.selectors.series import quote_series
from analytics.services.prices.deleting import prices_delete
from tests import factories

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=30)


def at(row: int) -> dt.datetime:
    return START + row * STEP


@pytest.fixture
def market():
    """100 quotes, and another market that nobody touches."""
    made = factories.make_market()
    factories.make_quotes(made, 100, end=at(99))
    factories.make_quotes(factories.make_market("BTC/BOB@x"), 100, end=at(99))
    return made


def left(market) -> list[int]:
    moments = PriceHistory.objects.filter(market=market).values_list("timestamp", flat=True)
    return sorted(round((moment - START) / STEP) for moment in moments)


def delete(market, first: int, last: int):
    return prices_delete(market=market, start=at(first), end=at(last), confirm=True)


def test_nothing_is_deleted_until_the_exact_number_is_named(market):
    ask = {"market": market, "start": at(10), "end": at(19)}
    for confirm in (None, False, 0, 1, 9, 11):
        with pytest.raises(Conflict) as caught:
            prices_delete(**ask, confirm=confirm)
        error = caught.value
        assert error.code == "confirm_deletion"
        assert error.details == {"count": 10, "first": at(10), "last": at(19)}
    assert len(left(market)) == 100
    assert not PriceDeletion.objects.exists()
    assert prices_delete(**ask, confirm=10).rows == 10
    assert left(market) == [*range(10), *range(20, 100)]
    assert PriceHistory.objects.count() == 190


def test_a_single_quote_is_not_confirmed_by_a_yes_that_was_meant_as_a_number(market):
    with pytest.raises(Conflict):
        prices_delete(market=market, start=at(3), end=at(3), confirm=False)
    assert prices_delete(market=market, start=at(3), end=at(3), confirm=1).rows == 1


def test_an_open_side_reaches_to_the_end(market):
    assert prices_delete(market=market, start=at(90), confirm=True).rows == 10
    assert prices_delete(market=market, end=at(4), confirm=True).rows == 5
    assert prices_delete(market=market, confirm=True).rows == 85
    assert left(market) == []


def test_what_is_not_there_and_what_ends_before_it_starts_is_refused(market):
    for start, end, code in ((at(200), None, "no_history"), (at(5), at(4), "bad_range")):
        with pytest.raises(InvalidInput) as caught:
            prices_delete(market=market, start=start, end=end, confirm=True)
        assert caught.value.code == code


def test_who_when_which_and_how_many_is_written_down_and_outlives_the_market(
    market, django_user_model
):
    who = django_user_model.objects.create_user("eva")
    gone = prices_delete(market=market, start=at(95) - STEP / 2, confirm=5, by=who)
    market.delete()
    gone.refresh_from_db()
    assert (gone.market, gone.label, gone.by) == (None, "USDT/BOB@binance_p2p", who)
    assert (gone.start, gone.end, gone.rows) == (at(95) - STEP / 2, None, 5)
    assert (gone.first, gone.last) == (at(95), at(99))
    assert abs(gone.at - timezone.now()) < dt.timedelta(minutes=1)


def test_forecasts_go_whose_last_quote_is_gone_and_others_keep_only_their_own_scores(market):
    model = factories.make_model(market)
    kept, spoke, after = (
        factories.make_forecast(model, as_of=moment)
        for moment in (at(9), at(19) + STEP / 2, at(20))
    )
    scores = {
        steps: factories.make_score(kept, steps=steps, target_at=at(9 + steps))
        for steps in (1, 6, 11)
    }
    factories.make_score(spoke, target_at=at(25))
    delete(market, 10, 19)
    assert set(Forecast.objects.all()) == {kept, after}
    # Row 10 and 15 are gone, row 20 is there.
    assert set(ForecastScore.objects.all()) == {scores[11]}


def test_without_a_later_quote_the_deleted_ones_were_the_last_word_until_now(market):
    model = factories.make_model(market, "pattern")
    kept = factories.make_pattern(model, as_of=at(94))
    factories.make_pattern(model, as_of=at(99) + dt.timedelta(days=3))
    delete(market, 95, 99)
    assert list(PatternResult.objects.all()) == [kept]


def strange(event, row: int, score: float, severity: str) -> AnomalyResult:
    return factories.make_anomaly(
        event.model, event=event, timestamp=at(row), score=score, severity=severity, text=f"{row}"
    )


@pytest.fixture
def event(market) -> AnomalyEvent:
    """Rows 10, 12 and 14, the strangest in the middle."""
    model = factories.make_model(market, "anomaly")
    made = factories.make_event(model, start=at(10), peak=at(12), end=at(14), rows=3, score=0.9)
    for row, score, severity in ((10, 0.2, "low"), (12, 0.9, "critical"), (14, 0.3, "medium")):
        strange(made, row, score, severity)
    return made


def test_an_event_is_what_its_other_rows_make_of_it(event, market):
    told = []
    with subscribed(told.append, AnomalyChanged, AnomalyClosed, durable=True):
        delete(market, 11, 13)
    event.refresh_from_db()
    assert (event.start, event.peak, event.end, event.rows) == (at(10), at(14), at(14), 2)
    assert (event.score, event.severity, event.text) == (0.3, "medium", "14")
    assert [(type(fact), fact.event_id) for fact in told] == [(AnomalyChanged, event.pk)]


def test_an_event_without_rows_is_over_and_its_judgement_gone_with_it(event, market):
    told = []
    with subscribed(told.append, AnomalyChanged, AnomalyClosed, durable=True):
        delete(market, 5, 30)
    assert not AnomalyEvent.objects.exists()
    assert not AnomalyResult.objects.exists()
    assert [(type(fact), fact.event_id) for fact in told] == [(AnomalyClosed, event.pk)]


def test_the_watch_goes_back_to_the_last_quote_that_is_left(event, market):
    watched = {"model": event.model, "source": "network", "scored_until": at(99), "last_score": 0.1}
    AnomalyWatch.objects.create(market=market, **watched)
    stream = {"model": event.model, "since": at(0), "digest": "", "body": b""}
    AnomalyStream.objects.create(market=market, until=at(99), **stream)
    delete(market, 90, 99)
    watch = AnomalyWatch.objects.get(market=market)
    assert (watch.scored_until, watch.last_score) == (at(89), None)
    assert not AnomalyStream.objects.exists()
    delete(market, 0, 89)
    assert not AnomalyWatch.objects.exists()


def test_a_deletion_in_the_middle_leaves_the_watch_where_it_is(event, market):
    watched = {"model": event.model, "source": "network", "scored_until": at(99), "last_score": 0.1}
    AnomalyWatch.objects.create(market=market, **watched)
    delete(market, 10, 20)
    assert AnomalyWatch.objects.get().scored_until == at(99)


@pytest.mark.django_db(transaction=True)
def test_frames_and_charts_in_memory_notice(market):
    """Inside a transaction nothing is kept, so this test has none around it."""
    span = {"since": at(0), "until": at(99)}
    assert len(recent_quotes(market, **span)) == 100
    assert len(quote_series(market, at(0)).at) == 100
    before = market_counters(market)
    delete(market, 40, 59)
    after = market_counters(market)
    assert (after.revision, after.rewrites) == (before.revision + 1, before.rewrites + 1)
    assert len(recent_quotes(market, **span)) == 80
    assert len(quote_series(market, at(0)).at) == 80


def test_what_fails_to_follow_keeps_the_quotes(market):
    def fail(fact):
        raise ZeroDivisionError

    model = factories.make_model(market)
    factories.make_forecast(model, as_of=at(12))
    with subscribed(fail, QuotesDeleted, durable=True), pytest.raises(ZeroDivisionError):
        delete(market, 10, 19)
    assert len(left(market)) == 100
    assert Forecast.objects.count() == 1
    assert not PriceDeletion.objects.exists()
