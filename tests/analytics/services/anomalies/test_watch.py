"""The live watch: every new quote is looked at once, at once."""

from __future__ import annotations

import datetime as dt
import logging
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command

import ml
from analytics.events import (
    AnomalyChanged,
    AnomalyClosed,
    AnomalyFact,
    AnomalyOpened,
    subscribed,
)
from analytics.exceptions import NotReady
from analytics.models import AnomalyEvent, AnomalyWatch, PriceHistory, TrainedModel
from analytics.services.anomalies import scan as anomalies
from analytics.services.anomalies.watch import anomalies_watch, anomaly_watch
from analytics.services.prices import history
from analytics.services.prices.importing import price_import
from analytics.services.prices.posting import price_bulk_add
from analytics.services.registry import serving
from tests import factories

pytestmark = pytest.mark.usefixtures("commits_at_once")
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=30)
NEEDED = 4


class Detector:
    """Calls an ask above 20 strange, and needs NEEDED quotes; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def anomaly_stream(self, state=None, *, after=None):
        raise ml.NotEnoughData("Too few for a stream.", needed=1000, present=len(after))

    def detect_anomalies(self, frame, *, start=None, end=None, threshold, source):
        if len(frame) < NEEDED:
            raise ml.NotEnoughData("Too few.", needed=NEEDED, present=len(frame))
        rows = frame if start is None else frame.loc[start:end]
        self.asked.append((start, end, len(rows), len(frame)))
        scores = np.where(rows["ask"] > 20, rows["ask"] / 100, 0.02)
        found = tuple(
            ml.Anomaly(
                timestamp=at.to_pydatetime(),
                score=float(score),
                severity="high",
                kind="spike",
                text="ask far above",
                expected={},
                contributions={},
            )
            for at, score in zip(rows.index, scores, strict=True)
            if score >= threshold
        )
        return ml.AnomalyScores(
            timestamps=rows.index,
            scores=scores,
            threshold=threshold,
            anomalies=found,
            warming_up=len(frame) < 10,
            source=source,
            name="autoencoder",
        )


@pytest.fixture
def market(db):
    return factories.make_market()


@pytest.fixture
def detector(market, monkeypatch):
    factories.make_model(market, "anomaly")
    made = Detector()
    monkeypatch.setattr(serving, "predictor_of", lambda model: made)
    return made


def quote(row: int, ask: float = 10.1) -> dict:
    return {"timestamp": (START + row * STEP).isoformat(), "bid": 10, "ask": ask}


def send(market, *rows: dict) -> None:
    price_bulk_add(rows=list(rows), market=market)


def test_a_posted_quote_raises_an_event_the_next_ones_extend_and_close_it(market, detector):
    send(market, *(quote(k) for k in range(20)))
    assert not AnomalyEvent.objects.exists()
    send(market, quote(20, ask=40))
    event = AnomalyEvent.objects.get()
    assert (event.is_open, event.start, event.score) == (True, START + 20 * STEP, 0.4)
    send(market, quote(21, ask=60))
    event.refresh_from_db()
    assert (event.is_open, event.rows, event.end) == (True, 2, START + 21 * STEP)
    assert (event.peak, event.score) == (START + 21 * STEP, 0.6)
    for row in range(22, 34):
        send(market, quote(row))
        assert AnomalyEvent.objects.get().is_open is (row <= 33)
    send(market, quote(34))
    event.refresh_from_db()
    assert (event.is_open, event.rows) == (False, 2)


def test_quotes_of_another_cadence_than_learned_are_named(market, detector):
    send(market, *(quote(k) for k in range(120)))
    until = START + 119 * STEP
    TrainedModel.objects.update(data_until=until)
    send(market, quote(120))
    assert AnomalyWatch.objects.get().state == "watching"
    minutes = [{"timestamp": (until + STEP + k * STEP / 30).isoformat()} for k in range(1, 60)]
    send(market, *({**quote(0), **row} for row in minutes))
    watch = AnomalyWatch.objects.get()
    assert (watch.state, watch.detail) == ("other_cadence", "1 / 30")


def test_a_market_that_is_read_in_two_halves_keeps_its_cadence(market, detector):
    halves = [START + row * STEP + part for row in range(61) for part in (STEP * 0, STEP / 30)]
    send(market, *({**quote(0), "timestamp": at.isoformat()} for at in halves[:-1]))
    TrainedModel.objects.update(data_until=halves[-3])
    send(market, {**quote(0), "timestamp": halves[-1].isoformat()})
    assert AnomalyWatch.objects.get().state == "watching"


def test_whoever_asked_is_told_what_becomes_of_an_event(market, detector):
    told = []
    with subscribed(told.append, AnomalyFact, durable=True):
        send(market, *(quote(k) for k in range(20)), quote(20, ask=40))
        send(market, quote(21, ask=60))
        send(market, quote(40))
    event = AnomalyEvent.objects.get()
    assert [(type(fact), fact.event_id, fact.score) for fact in told] == [
        (AnomalyOpened, event.pk, 0.4),
        (AnomalyChanged, event.pk, 0.6),
        (AnomalyClosed, event.pk, 0.6),
    ]


def test_a_subscriber_s_rows_and_the_event_stand_or_fall_together(market, detector):
    def fail(fact: AnomalyOpened) -> None:
        raise ZeroDivisionError

    with subscribed(fail, AnomalyOpened, durable=True):
        send(market, *(quote(k) for k in range(20)), quote(20, ask=40))
    assert not AnomalyEvent.objects.exists()
    assert (AnomalyWatch.objects.get().state, AnomalyWatch.objects.get().scored_until) == (
        "failed",
        None,
    )
    (report,) = anomalies_watch()
    assert (report.strange, report.open_event) == (1, AnomalyEvent.objects.get())


def test_a_scan_tells_of_events_too(market, detector):
    factories.make_quotes(market, 30, end=START)
    factories.make_quotes(market, 1, end=START + STEP, price=50)
    told = []
    with subscribed(told.append, AnomalyFact, durable=True):
        anomalies.anomaly_scan(market=market)
        anomalies.anomaly_scan(market=market)
    assert [type(fact) for fact in told] == [AnomalyOpened]


def test_every_row_is_scored_once_and_with_its_past(market, detector):
    send(market, *(quote(k) for k in range(60)))
    for row in (60, 61):
        send(market, quote(row))
    assert [asked[2] for asked in detector.asked] == [48, 1, 1]
    assert [asked[3] for asked in detector.asked] == [60, 61, 62]
    assert anomaly_watch(market=market).rows == 0
    watch = AnomalyWatch.objects.get()
    assert (watch.scored_until, watch.last_score) == (START + 61 * STEP, 0.02)


def test_the_tail_alone_is_read_for_a_new_quote(market, detector, monkeypatch):
    monkeypatch.setattr(history, "TAIL_STEPS", 20)
    send(market, *(quote(k) for k in range(100)))
    send(market, quote(100))
    assert [asked[3] for asked in detector.asked] == [48 + 20, 1 + 20]


def test_quotes_of_the_past_are_not_looked_at_again(market, detector):
    send(market, *(quote(k) for k in range(10, 30)))
    send(market, quote(3, ask=50))
    assert detector.asked[-1][2] == 0
    assert not AnomalyEvent.objects.exists()
    assert AnomalyWatch.objects.get().scored_until == START + 29 * STEP


def test_a_version_that_takes_over_looks_back_a_day_and_goes_on(market, detector):
    send(market, *(quote(k) for k in range(60)), quote(60, ask=50))
    older = market.trained_models.get()
    older.status = "retired"
    older.save()
    newer = factories.make_model(market, "anomaly")
    send(market, quote(61))
    assert detector.asked[-1][2] == 48
    assert {(e.model_id, e.is_open) for e in AnomalyEvent.objects.all()} == {
        (older.pk, False),
        (newer.pk, True),
    }
    assert AnomalyWatch.objects.get().model == newer


def test_too_little_history_is_warming_up_and_no_error(market, detector):
    send(market, quote(0), quote(1))
    watch = AnomalyWatch.objects.get()
    assert (watch.warming_up, watch.needed, watch.present) == (True, NEEDED, 2)
    answer = anomalies.anomaly_scan(market=market)
    assert (answer["warming_up"], answer["needed"], answer["present"]) == (True, NEEDED, 2)
    assert (answer["rows"], answer["events"], answer["last_score"]) == (0, [], None)
    out = StringIO()
    call_command("detect_anomalies", stdout=out)
    assert "2 of the 4 readings" in out.getvalue()
    send(market, *(quote(k) for k in range(2, 6)))
    watch.refresh_from_db()
    assert (watch.warming_up, watch.needed) == (True, None)
    send(market, *(quote(k) for k in range(6, 12)))
    watch.refresh_from_db()
    assert watch.warming_up is False


def test_a_market_without_a_model_is_not_watched_and_loads_nothing(market, monkeypatch):
    def fail(model):
        raise AssertionError("loaded")

    monkeypatch.setattr(serving, "predictor_of", fail)
    send(market, quote(0))
    assert not AnomalyWatch.objects.exists()


def test_until_a_first_model_can_be_trained_the_market_warms_up(market):
    factories.make_quotes(market, 30, end=START)
    (report,) = anomalies_watch()
    assert report.state == "warming_up"
    watch = AnomalyWatch.objects.get()
    assert (watch.warming_up, watch.needed, watch.present) == (True, 1000, 30)
    # What a detector cannot be trained for yet, the baseline answers under its own name.
    assert anomalies.anomaly_scan(market=market)["model"]["name"] == "robust_z"
    factories.make_quotes(market, 1, end=START - 1000 * STEP)
    assert anomaly_watch(market=market).state == "warming_up"
    assert AnomalyWatch.objects.get().present == 6 * 31
    factories.make_quotes(market, 200, end=START - 100 * STEP)
    assert anomaly_watch(market=market).state == "no_model"
    assert AnomalyWatch.objects.get().state == "no_model"
    with pytest.raises(NotReady) as caught:
        anomalies.anomaly_scan(market=market)
    assert "warming_up" not in caught.value.details


@pytest.mark.parametrize("broken", [ml.ArtifactBroken("gone"), RuntimeError("bug")])
def test_a_broken_detector_never_keeps_a_quote_out(market, monkeypatch, caplog, broken):
    factories.make_model(market, "anomaly")

    def fail(model):
        raise broken

    monkeypatch.setattr(serving, "predictor_of", fail)
    with caplog.at_level(logging.WARNING):
        send(market, quote(0))
    assert PriceHistory.objects.count() == 1
    assert market.symbol in caplog.text


def test_an_import_and_the_schedule_watch_too(market, detector, tmp_path):
    lines = [f"{(START + k * STEP).isoformat()},10,{50 if k == 19 else 10.1}" for k in range(20)]
    path = tmp_path / "quotes.csv"
    path.write_text("timestamp,bid,ask\n" + "\n".join(lines) + "\n")
    price_import(path=path, market=market.symbol)
    assert AnomalyEvent.objects.get().is_open
    factories.make_quotes(market, 1, end=START + 40 * STEP)
    assert [(r.rows, r.strange) for r in anomalies_watch()] == [(1, 0)]
    assert not AnomalyEvent.objects.get().is_open


def test_of_many_markets_at_once_the_worker_takes_care(market, detector, monkeypatch):
    monkeypatch.setattr("analytics.services.anomalies.watch.AT_ONCE", 1)
    other = factories.make_market("USDT/VES@x")
    factories.make_model(other, "anomaly")
    rung = []
    monkeypatch.setattr("analytics.queue.enqueue", lambda path, *ids: rung.append(path))
    price_bulk_add(
        rows=[{**quote(k), "market": m.symbol} for m in (market, other) for k in range(5)]
    )
    assert rung == ["analytics.tasks.watch_anomalies", "analytics.tasks.follow_quotes"]
    assert detector.asked == []
    assert [report.rows for report in anomalies_watch()] == [5, 5]


def test_the_watch_and_a_scan_agree(market, detector):
    send(market, *(quote(k, ask=50 if k in (5, 30) else 10.1) for k in range(40)))
    watched = list(AnomalyEvent.objects.values("start", "end", "score", "rows", "is_open"))
    answer = anomalies.anomaly_scan(market=market)
    assert answer["stored_new"] == 0
    assert [event["open"] for event in answer["events"]] == [False, True]
    assert list(AnomalyEvent.objects.values("start", "end", "score", "rows", "is_open")) == watched
    assert [event["id"] for event in answer["events"]] == list(
        AnomalyEvent.objects.order_by("start").values_list("pk", flat=True)
    )


def test_the_last_row_alone(market, detector):
    factories.make_quotes(market, 30, end=START)
    factories.make_quotes(market, 1, end=START + STEP, price=50)
    answer = anomalies.anomaly_scan(market=market, mode="last")
    assert (answer["mode"], answer["rows"], answer["count"]) == ("last", 1, 1)
    assert answer["from"] == answer["to"] == START + STEP
    earlier = anomalies.anomaly_scan(market=market, mode="last", end=START)
    assert (earlier["rows"], earlier["count"], earlier["to"]) == (1, 0, START)
