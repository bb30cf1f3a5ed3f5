"""Quotes that are rewritten between the reading and the storing leave nothing of themselves."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

import ml
from analytics.models import (
    AnomalyEvent,
    AnomalyWatch,
    Forecast,
    ForecastScore,
    PatternResult,
    PriceHistory,
)
from analytics.selectors.frames import price_frame
from analytics.selectors.glimpse import Glimpse, glimpsed
from analytics.selectors.prices import market_counters
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.anomalies.watch import anomaly_watch
from analytics.services.forecasts.accuracy import forecasts_score
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.patterns import pattern_recognize
from analytics.services.prices import unchanged
from analytics.services.prices.deleting import prices_delete
from analytics.services.prices.history import last_moment
from analytics.services.prices.unchanged import Work, keep_all_unchanged, keep_unchanged
from analytics.services.registry import serving
from tests import factories

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=30)
ROWS = 400


class Meanwhile:
    """A predictor during whose answer something else happens, so many times."""

    def __init__(self, task, market, happens, times=1):
        self.real = ml.baseline_predictor(task, price_frame(market), step_minutes=30)
        self.happens, self.times, self.asked = happens, times, 0

    def __getattr__(self, name):
        def answer(*args, **kwargs):
            found = getattr(self.real, name)(*args, **kwargs)
            self.asked += 1
            if self.asked <= self.times:
                self.happens()
            return found

        return answer


@pytest.fixture
def market():
    made = factories.make_market()
    factories.make_quotes(made, ROWS, end=START + (ROWS - 1) * STEP)
    return made


def interrupt(monkeypatch, market, task, happens, times=1):
    factories.make_model(market, task)
    made = Meanwhile(task, market, happens, times)
    monkeypatch.setattr(serving, "predictor_of", lambda model: made)
    return made


def last_of(market):
    return PriceHistory.objects.filter(market=market).latest().timestamp


def delete_the_last(market):
    at = last_of(market)
    prices_delete(market=market, start=at, end=at, confirm=True)


def test_a_forecast_from_a_quote_that_is_deleted_meanwhile_is_made_anew(market, monkeypatch):
    made = interrupt(monkeypatch, market, "price", lambda: delete_the_last(market))
    answer = forecast_make(task="price", market=market)
    assert made.asked == 2
    assert answer["as_of"] == Forecast.objects.get().as_of == last_of(market)


def test_a_pattern_from_a_quote_that_is_deleted_meanwhile_is_made_anew(market, monkeypatch):
    made = interrupt(monkeypatch, market, "pattern", lambda: delete_the_last(market))
    pattern_recognize(market=market)
    assert made.asked == 2
    assert PatternResult.objects.get().as_of == last_of(market)


@pytest.mark.parametrize("look", [anomaly_scan, anomaly_watch])
def test_strange_rows_that_are_deleted_meanwhile_make_no_event(market, monkeypatch, look):
    end = last_of(market)
    factories.make_quotes(market, 1, end=end + STEP, price=90.0)

    class Spikes(Meanwhile):
        def detect_anomalies(self, frame, *, start=None, end=None, threshold, source):
            rows = frame.loc[start:end]
            scores = np.where(rows["ask"] > 50, 0.9, 0.01)
            found = tuple(
                ml.Anomaly(
                    timestamp=at.to_pydatetime(),
                    score=float(score),
                    severity="high",
                    kind="spike",
                    text="far above",
                    expected={},
                    contributions={},
                )
                for at, score in zip(rows.index, scores, strict=True)
                if score >= threshold
            )
            self.asked += 1
            if self.asked == 1:
                delete_the_last(market)
            return ml.AnomalyScores(
                timestamps=rows.index,
                scores=scores,
                threshold=threshold,
                anomalies=found,
                warming_up=False,
                source=source,
                name="autoencoder",
            )

        def anomaly_stream(self, state=None, *, after=None):
            raise ml.NotEnoughData("no stream", needed=1000, present=1)

    factories.make_model(market, "anomaly")
    made = Spikes("anomaly", market, lambda: None)
    monkeypatch.setattr(serving, "predictor_of", lambda model: made)
    look(market=market)
    assert made.asked == 2
    assert not AnomalyEvent.objects.exists()
    if look is anomaly_watch:
        assert AnomalyWatch.objects.get().scored_until == end


def test_a_score_against_a_quote_that_is_deleted_meanwhile_is_not_stored(market, monkeypatch):
    model = factories.make_model(market)
    at = last_of(market)
    factories.make_forecast(model, as_of=at - 2 * STEP)
    real, happened = ml.grid_at, []

    def grid(*asked, **how):
        found = real(*asked, **how)
        if not happened:
            happened.append(prices_delete(market=market, start=at - STEP, confirm=True))
        return found

    monkeypatch.setattr(ml, "grid_at", grid)
    assert forecasts_score(market=market) == 0
    assert happened
    assert not ForecastScore.objects.exists()


def test_a_later_quote_is_no_reason_to_ask_again(market, monkeypatch):
    at = last_of(market) + STEP
    made = interrupt(monkeypatch, market, "price", lambda: factories.make_quotes(market, 1, end=at))
    forecast_make(task="price", market=market)
    assert made.asked == 1
    assert Forecast.objects.get().as_of == at - STEP


def test_a_market_that_is_rewritten_all_the_time_is_answered_and_nothing_kept(market, monkeypatch):
    made = interrupt(monkeypatch, market, "price", lambda: delete_the_last(market), times=99)
    assert forecast_make(task="price", market=market)["horizons"]
    assert made.asked == unchanged.TRIES
    assert not Forecast.objects.exists()


def test_an_answer_that_need_not_be_stored_takes_no_lock(market, monkeypatch):
    def locked(markets):
        raise AssertionError("locked")

    monkeypatch.setattr(unchanged, "lock_markets", locked)
    assert keep_unchanged(market, Work(lambda: 1, str, lambda one: False)) == (1, None)


# ------------------------------------------------------------------------------- several at once
class Told(dict):
    """Names and errors of works that failed."""

    def __call__(self, name, error):
        assert name not in self
        self[name] = str(error)


def boom(*_):
    raise RuntimeError("boom")


def test_several_works_are_stored_together(market):
    stored, told = [], Told()
    works = {name: Work(lambda name=name: name, stored.append) for name in "abc"}
    keep_all_unchanged(market, works, failed=told)
    assert (stored, told) == (["a", "b", "c"], {})


@pytest.mark.parametrize("failing", [Work(boom, str), Work(lambda: 1, boom)])
def test_a_work_that_fails_keeps_no_other_back(market, failing):
    end, told = last_of(market), Told()

    def kept(number):
        factories.make_quotes(market, 1, end=end + number * STEP)

    works = {"first": Work(lambda: 1, kept), "bad": failing, "last": Work(lambda: 2, kept)}
    keep_all_unchanged(market, works, failed=told)
    assert told == {"bad": "boom"}
    assert PriceHistory.objects.filter(timestamp__gt=end).count() == 2


def test_a_work_that_deals_with_its_failure_tells_nobody(market):
    dealt, told = [], Told()
    keep_all_unchanged(market, {"a": Work(boom, str, failed=dealt.append)}, failed=told)
    assert ([str(error) for error in dealt], told) == (["boom"], {})


def test_works_on_quotes_that_are_rewritten_meanwhile_are_all_made_anew(market):
    made, stored, told = [], [], Told()

    def first():
        made.append("first")
        if len(made) == 1:
            delete_the_last(market)
        return last_of(market)

    works = {
        "first": Work(first, stored.append),
        "idle": Work(lambda: made.append("idle"), boom, bool),
    }
    keep_all_unchanged(market, works, failed=told)
    assert (stored, told) == ([last_of(market)], {})
    assert made == ["first", "idle", "first"]


def test_a_glimpse_that_is_older_than_a_deletion_stores_nothing_of_what_was_deleted(market):
    """What a round of many markets read at its beginning may be old when a market's turn comes."""
    market.refresh_from_db()
    seen = Glimpse(market.pk, (market.revision, market.rewrites), last_of(market), {})
    delete_the_last(market)
    asked, stored = [], []

    def ask():
        asked.append(last_moment(market))
        return asked[-1]

    keep_all_unchanged(market, {"a": Work(ask, stored.append)}, failed=Told(), glimpse=seen)
    assert asked == [seen.last, last_of(market)]
    assert stored == [last_of(market)]


def test_an_answer_made_in_a_glimpse_is_stored_only_while_it_is_the_market_s(market):
    market.refresh_from_db()
    seen = Glimpse(market.pk, (market.revision, market.rewrites), last_of(market), {})
    delete_the_last(market)
    asked, stored = [], []

    def ask():
        asked.append(last_moment(market))
        return asked[-1]

    answer, _kept = keep_unchanged(market, Work(ask, stored.append), glimpse=seen)
    assert asked == [seen.last, last_of(market)]
    assert stored == [answer] == [last_of(market)]


def test_a_glimpse_is_of_its_own_market_and_over_afterwards(market):
    other = factories.make_market("USDT/ARS@x")
    factories.make_quotes(other, 1, end=START)
    early = START - dt.timedelta(days=1)
    with glimpsed(Glimpse(market.pk, (7, 3), early, {"price": (1, "a", "b")})):
        assert market_counters(market) == (7, 3)
        assert last_moment(market) == early
        assert last_moment(other) == START
    assert last_moment(market) == last_of(market)
