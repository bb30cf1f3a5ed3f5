"""Anomaly scans: one stored result per version and moment, however often it runs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.conf import conf
from analytics.exceptions import InvalidInput, NotReady
from analytics.models import AnomalyResult, Market
from analytics.selectors.models import Serving
from analytics.services.anomaly_events import (
    event_groups,
    events_store,
    silence_of,
    strangest,
    worst,
)
from analytics.services.anomaly_promise import DEFAULT_THRESHOLD, promise_of, threshold_for
from analytics.services.anomaly_watch import history_missing
from analytics.services.history import history_frame, last_moment
from analytics.services.sequences import sequence_frame
from analytics.services.serving import answer_with, describe
from analytics.words import sentence

__all__ = ["DEFAULT_THRESHOLD", "MODES", "anomaly_scan"]

DEFAULT_DAYS = 30
MOST_SHOWN = 1000
#: All rows asked for, or the last of them alone.
MODES = ("entire", "last")


@dataclass(frozen=True)
class _TooShort:
    """Stored history that is still too short to score a single row."""

    threshold: float
    needed: int
    present: int


def anomaly_scan(
    *,
    market: Market,
    sequence: Any = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    threshold: float | None = None,
    alarm_rate: str | None = None,
    sensitivity: int | None = None,
    mode: str = "entire",
) -> dict[str, Any]:
    """Score the stored history in start..end (the last 30 days by default) or a posted sequence.

    A row is an anomaly from a score of `threshold` on: 0.1 (the default) is the model's calibrated
    threshold, 0.2 is twice as strange. In its place `alarm_rate` ("1/week") or `sensitivity` (0 to
    99) may say how many false alarms are borne. `mode="last"` judges the last row alone. Strange
    rows of stored history, and the events they make up, are kept once per version and moment;
    scanning again adds nothing. Too little stored history is no error but the state `warming_up`.
    Raises as `forecast_make` does.
    """
    promise = promise_of(threshold=threshold, alarm_rate=alarm_rate, sensitivity=sensitivity)
    stored = sequence is None
    _check_span(start, end, mode)
    if stored:
        end = last_moment(market, end)
        start = start or end - dt.timedelta(days=0 if mode == "last" else DEFAULT_DAYS)
        _check_span(start if mode == "entire" else None, end, mode)

    def ask(serving: Serving, predictor: ml.DLPredictor) -> ml.AnomalyScores | _TooShort:
        limit = threshold_for(promise, serving, predictor)
        if not stored:
            frame = sequence_frame(sequence, serving.model)
            return _mode(
                predictor.detect_anomalies(
                    frame, threshold=limit, source=ml.Source(serving.source)
                ),
                mode,
            )
        since = start
        if mode == "last" and end is not None:
            # The last row of the grid lies at most a step before the last quote.
            since = end - dt.timedelta(minutes=2 * serving.model.step_minutes)
        frame = history_frame(market, until=end, since=since)
        try:
            scores = predictor.detect_anomalies(
                frame, start=since, end=end, threshold=limit, source=ml.Source(serving.source)
            )
        except ml.NotEnoughData as short:
            return _TooShort(limit, short.needed, short.present)
        return _mode(scores, mode)

    try:
        serving, scores, milliseconds = answer_with(market, "anomaly", ask)
    except NotReady as nobody:
        missing = history_missing(market)
        if missing is not None:
            # There is no model, and there cannot be one yet.
            needed, present = missing
            nobody.details.update(warming_up=True, needed=needed, present=present)
        raise
    answer = _envelope(market, serving, mode, milliseconds)
    if isinstance(scores, _TooShort):
        return answer | _nothing(scores)
    new = events_store(market=market, serving=serving, scores=scores) if stored else 0
    return answer | _found(serving, scores, new, stored)


def _check_span(start: dt.datetime | None, end: dt.datetime | None, mode: str) -> None:
    if mode not in MODES:
        raise InvalidInput(
            _("The mode is entire or last."),
            "bad_mode",
            {"mode": _("must be one of: %(names)s") % {"names": ", ".join(MODES)}},
        )
    if mode == "last" and start is not None:
        raise InvalidInput(
            _("The last row alone has no beginning."),
            "bad_range",
            {"from": _("has no meaning with mode=last")},
        )
    if start is not None and end is not None and start >= end:
        raise InvalidInput(
            _("The scan would end before it starts."),
            "bad_range",
            {"from": _("must be earlier than `to`")},
        )


def _mode(scores: ml.AnomalyScores, mode: str) -> ml.AnomalyScores:
    """All rows, or the last alone."""
    if mode == "entire" or not len(scores.timestamps):
        return scores
    last = scores.timestamps[-1]
    return dataclasses.replace(
        scores,
        timestamps=scores.timestamps[-1:],
        scores=scores.scores[-1:],
        anomalies=tuple(found for found in scores.anomalies if found.timestamp == last),
    )


def _envelope(market: Market, serving: Serving, mode: str, milliseconds: float) -> dict[str, Any]:
    return {
        "market": market.symbol,
        "model": describe(serving),
        "generated_at": timezone.now(),
        "mode": mode,
        "device": conf().SERVE_DEVICE,
        "latency_ms": round(milliseconds, 3),
    }


def _nothing(short: _TooShort) -> dict[str, Any]:
    """The answer while the history is too short."""
    return {
        "from": None,
        "to": None,
        "rows": 0,
        "threshold": short.threshold,
        "warming_up": True,
        "needed": short.needed,
        "present": short.present,
        "last_score": None,
        "count": 0,
        "stored_new": 0,
        "events": [],
        "anomalies": [],
    }


def _found(serving: Serving, scores: ml.AnomalyScores, new: int, stored: bool) -> dict[str, Any]:
    known = len(scores.timestamps) > 0
    return {
        "from": scores.timestamps[0] if known else None,
        "to": scores.timestamps[-1] if known else None,
        "rows": len(scores.timestamps),
        "threshold": scores.threshold,
        "warming_up": scores.warming_up,
        "needed": None,
        "present": None,
        "last_score": _last_score(scores),
        "count": len(scores.anomalies),
        "stored_new": new,
        "events": _events(serving, scores, stored),
        "anomalies": [_row(found) for found in scores.anomalies[-MOST_SHOWN:]],
    }


def _row(found: ml.Anomaly) -> dict[str, Any]:
    row = dataclasses.asdict(found) | {"text": in_words(found)}
    del row["phrases"]  # what the text is made of
    return row


def in_words(found: ml.Anomaly) -> str:
    """The sentence of a row in the reader's language."""
    phrases = [[phrase.template, phrase.values] for phrase in found.phrases]
    return sentence(phrases, found.text)


def _events(serving: Serving, scores: ml.AnomalyScores, stored: bool) -> list[dict[str, Any]]:
    """The events of this scan; those of stored history with the id of the stored event, which may
    reach further than the scan did."""
    groups = event_groups(scores.anomalies, serving.model.step_minutes)[-MOST_SHOWN:]
    ids = _stored_ids(serving, groups) if stored and groups else {}
    silence = silence_of(serving.model.step_minutes)
    events = []
    for group in groups:
        peak = strangest(group)
        number, is_open = ids.get(peak.timestamp, (None, None))
        if not stored:
            is_open = scores.timestamps[-1] - group[-1].timestamp <= silence
        events.append(
            {
                "id": number,
                "start": group[0].timestamp,
                "peak": peak.timestamp,
                "end": group[-1].timestamp,
                "open": is_open,
                "rows": len(group),
                "score": peak.score,
                "severity": worst(found.severity for found in group),
                "kind": peak.kind,
                "text": in_words(peak),
                "expected": {k: dataclasses.asdict(v) for k, v in peak.expected.items()},
            }
        )
    return events


def _stored_ids(serving: Serving, groups: list[Any]) -> dict[dt.datetime, tuple[int, bool]]:
    """Moment of a stored row -> its event's id, and whether that is open."""
    rows = AnomalyResult.objects.filter(
        model=serving.model,
        source=serving.source,
        timestamp__gte=groups[0][0].timestamp,
        timestamp__lte=groups[-1][-1].timestamp,
    )
    named = rows.values_list("timestamp", "event_id", "event__is_open")
    return {moment: (number, is_open) for moment, number, is_open in named}


def _last_score(scores: ml.AnomalyScores) -> float | None:
    if not len(scores.scores):
        return None
    last = float(scores.scores[-1])
    return last if math.isfinite(last) else None
