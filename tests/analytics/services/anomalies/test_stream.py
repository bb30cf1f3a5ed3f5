"""A look at new quotes goes on from where the last one stood, and says what a scan of all says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ml
from analytics.models import AnomalyEvent, AnomalyStream, AnomalyWatch, PriceHistory
from analytics.selectors.frames import price_frame
from analytics.services.anomalies import stream as anomaly_stream
from analytics.services.anomalies import watch as anomaly_watch
from analytics.services.prices import history
from analytics.services.registry import serving
from tests import factories
from tests.markets import calm_market as made_market
from tests.ml.anomaly.test_pipeline import fitted, served

pytestmark = pytest.mark.any_database

BEFORE, ROWS = 1100, 1300
STEP = pd.Timedelta(minutes=30)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> ml.DLPredictor:
    fit = fitted(made_market(1050), tmp_path_factory.mktemp("stream"))
    return ml.DLPredictor({"task": "anomaly"}, served(fit), "cpu")


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    """After row BEFORE: a missed side, a split scrape, a gap, a spike, a frozen feed."""
    frame = made_market(ROWS)
    frame.iloc[1104, [1, 3]] = np.nan
    frame.iloc[1110, 1] *= 1.2
    frame.iloc[1150:1158, [0, 2]] = np.nan
    frame.iloc[1230:1240] = frame.iloc[1229].to_numpy()
    late = frame.iloc[1106:1109].copy()
    frame.iloc[1106:1109, [1, 3]] = np.nan
    late.iloc[:, [0, 2]] = np.nan
    late.index = late.index + pd.Timedelta(minutes=1)
    frame = pd.concat([frame, late]).sort_index()
    return frame.drop(frame.index[1118:1125])


class Watched:
    """The predictor, with a count of what it was asked for."""

    def __init__(self, predictor: ml.DLPredictor) -> None:
        self.predictor, self.scans, self.streams = predictor, 0, []
        self.meanwhile = None

    def detect_anomalies(self, *args, **kwargs):
        self.scans += 1
        return self.predictor.detect_anomalies(*args, **kwargs)

    def anomaly_stream(self, state=None, *, after=None):
        self.streams.append("goes on" if after is None else "starts")
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return self.predictor.anomaly_stream(state, after=after)


@pytest.fixture
def asked(predictor, monkeypatch) -> Watched:
    made = Watched(predictor)
    monkeypatch.setattr(serving, "predictor_of", lambda model: made)
    return made


@pytest.fixture
def market(db, asked):
    made = factories.make_market()
    columns = ["bid", "ask", "bid_volume", "ask_volume"]
    factories.make_model(made, "anomaly", input_columns=columns)
    return made


@pytest.fixture
def seen(monkeypatch) -> dict:
    """Moment -> the score that a look gave it."""
    found: dict = {}
    store = anomaly_watch.events_store

    def record(**kwargs):
        scores = kwargs["scores"]
        found.update(zip(scores.timestamps, scores.scores, strict=True))
        return store(**kwargs)

    monkeypatch.setattr(anomaly_watch, "events_store", record)
    return found


def add(market, rows: pd.DataFrame) -> None:
    def figure(value: float) -> float | None:
        return round(value, 8) if np.isfinite(value) else None

    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=at, **{k: figure(v) for k, v in row.items()})
        for at, row in rows.iterrows()
    )


def look(market) -> anomaly_watch.WatchReport:
    return anomaly_watch.anomaly_watch(market=market)


def assert_as_a_scan_says(predictor: ml.DLPredictor, market, seen: dict) -> None:
    whole = predictor.detect_anomalies(price_frame(market))
    by_time = dict(zip(whole.timestamps, whole.scores, strict=True))
    assert seen
    for at, score in seen.items():
        assert score == pytest.approx(by_time[at], abs=1e-6), at
    stored = set(AnomalyEvent.objects.values_list("peak", "severity", "text"))
    strange = {a.timestamp: (a.timestamp, a.severity, a.text) for a in whole.anomalies}
    assert stored <= set(strange.values())


@pytest.mark.parametrize(("at_once", "looks"), [(1, 40), (6, 12), (96, 2)])
def test_rows_that_arrive_are_scored_as_a_scan_scores_them(
    market, asked, seen, predictor, quotes, at_once, looks
):
    add(market, quotes.iloc[:BEFORE])
    look(market)
    strange = 0
    for begin in range(BEFORE, BEFORE + at_once * looks, at_once):
        add(market, quotes.iloc[begin : begin + at_once])
        report = look(market)
        assert report.rows == at_once
        strange += report.strange > 0
    assert len(seen) == 48 + at_once * looks
    assert_as_a_scan_says(predictor, market, seen)
    assert AnomalyEvent.objects.filter(start=quotes.index[1113]).exists()
    # Only a row that needs words is scanned for, and only the first look has to start anew.
    assert asked.scans == strange
    assert 0 < strange < max(looks, 3)
    assert asked.streams == ["starts"] + ["goes on"] * looks


@pytest.mark.parametrize("change", ["corrected", "swapped", "late", "deleted"])
def test_history_that_changed_is_noticed(market, asked, seen, predictor, quotes, change):
    add(market, quotes.iloc[: BEFORE - 3])
    add(market, quotes.iloc[BEFORE - 2 : BEFORE])
    look(market)
    old = PriceHistory.objects.order_by("-timestamp")[1]
    if change == "corrected":
        old.ask *= 1.02
        old.save()
    elif change == "swapped":
        old.bid_volume, old.ask_volume = old.ask_volume, old.bid_volume
        old.save()
    elif change == "late":
        add(market, quotes.iloc[BEFORE - 3 : BEFORE - 2] * 1.01)
    else:
        old.delete()
    seen.clear()
    add(market, quotes.iloc[BEFORE : BEFORE + 2])
    look(market)
    assert asked.streams == ["starts", "starts"]
    assert len(seen) == 2
    assert_as_a_scan_says(predictor, market, seen)
    add(market, quotes.iloc[BEFORE + 2 : BEFORE + 3])
    look(market)
    assert asked.streams[2:] == ["goes on"]
    assert_as_a_scan_says(predictor, market, seen)


def test_a_correction_matters(market, seen, quotes):
    """Without it the test above could not fail."""
    add(market, quotes.iloc[: BEFORE + 1])
    before = look(market)
    score = AnomalyWatch.objects.get().last_score
    AnomalyWatch.objects.all().delete()
    PriceHistory.objects.filter(timestamp=quotes.index[BEFORE - 1]).update(ask=11.5)
    look(market)
    assert before.rows == 48
    assert abs(AnomalyWatch.objects.get().last_score - score) > 0.001


def test_without_new_quotes_nothing_is_read_and_scored(market, asked, quotes):
    add(market, quotes.iloc[:BEFORE])
    look(market)
    report = look(market)
    assert (report.rows, report.state) == (0, "watching")
    assert (asked.scans, asked.streams) == (0, ["starts"])
    assert AnomalyWatch.objects.get().scored_until == quotes.index[BEFORE - 1]


def test_another_version_and_another_make_start_anew(market, asked, seen, predictor, quotes):
    add(market, quotes.iloc[:BEFORE])
    look(market)
    older = market.trained_models.get()
    older.status = "retired"
    older.save()
    newer = factories.make_model(market, "anomaly", input_columns=older.input_columns)
    add(market, quotes.iloc[BEFORE : BEFORE + 1])
    look(market)
    assert AnomalyStream.objects.get().model == newer
    AnomalyStream.objects.update(body=b"of another make")
    add(market, quotes.iloc[BEFORE + 1 : BEFORE + 3])
    look(market)
    assert asked.streams == ["starts", "starts", "goes on", "starts"]
    assert_as_a_scan_says(predictor, market, seen)


def test_looks_that_overlap_lose_and_repeat_nothing(market, asked, seen, predictor, quotes):
    add(market, quotes.iloc[:BEFORE])
    look(market)
    add(market, quotes.iloc[BEFORE : BEFORE + 1])

    def meanwhile() -> None:
        add(market, quotes.iloc[BEFORE + 1 : BEFORE + 3])
        look(market)

    asked.meanwhile = meanwhile
    look(market)
    stands = AnomalyStream.objects.get()
    assert stands.until == AnomalyWatch.objects.get().scored_until == quotes.index[BEFORE + 2]
    add(market, quotes.iloc[BEFORE + 3 : BEFORE + 12])
    look(market)
    assert asked.streams == ["starts", "goes on", "goes on", "goes on"]
    assert_as_a_scan_says(predictor, market, seen)


def test_a_quote_that_is_corrected_during_a_look_is_noticed(market, asked, seen, predictor, quotes):
    add(market, quotes.iloc[:BEFORE])
    look(market)
    add(market, quotes.iloc[BEFORE : BEFORE + 1])

    def meanwhile() -> None:
        PriceHistory.objects.filter(timestamp=quotes.index[BEFORE - 1]).update(ask=11.0)

    asked.meanwhile = meanwhile
    look(market)
    seen.clear()
    add(market, quotes.iloc[BEFORE + 1 : BEFORE + 2])
    look(market)
    # What was made meanwhile is not stored: the look is taken again.
    assert asked.streams == ["starts", "goes on", "starts", "goes on"]
    assert_as_a_scan_says(predictor, market, seen)


def test_a_stream_is_made_anew_now_and_then(market, asked, seen, predictor, quotes, monkeypatch):
    monkeypatch.setattr(anomaly_stream, "RENEW_STEPS", 5)
    monkeypatch.setattr(history, "TAIL_STEPS", 900)
    add(market, quotes.iloc[:BEFORE])
    for row in range(BEFORE, BEFORE + 8):
        look(market)
        add(market, quotes.iloc[row : row + 1])
    assert "starts" in asked.streams[1:]
    assert asked.streams.count("goes on") >= 4


def test_a_long_absence_and_a_short_history_are_scanned(market, asked, seen, quotes, predictor):
    add(market, quotes.iloc[:700])
    assert look(market).state == "warming_up"
    assert (asked.scans, asked.streams) == (1, ["starts"])
    assert not AnomalyStream.objects.exists()
    add(market, quotes.iloc[700:BEFORE])
    assert look(market).rows == BEFORE - 700
    assert asked.scans == 2
    add(market, quotes.iloc[BEFORE : BEFORE + 1])
    look(market)
    assert asked.streams[-1] == "starts"
    assert_as_a_scan_says(predictor, market, seen)


def test_a_baseline_has_no_stream(market, asked, quotes):
    market.trained_models.update(status="candidate")
    add(market, quotes.iloc[:BEFORE])
    assert look(market).rows == 48
    assert (asked.scans, asked.streams) == (1, [])
    assert not AnomalyStream.objects.exists()
