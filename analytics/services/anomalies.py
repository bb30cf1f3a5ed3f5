"""Anomaly scans: one stored result per version and moment, however often it runs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.models import AnomalyResult, Market
from analytics.selectors.models import Serving
from analytics.services.history import history_frame, last_moment
from analytics.services.sequences import sequence_frame
from analytics.services.serving import answer_with, describe

DEFAULT_THRESHOLD = 0.1
DEFAULT_DAYS = 30
MOST_SHOWN = 1000
#: Grid rows of silence that end an event.
EVENT_SILENCE = 12


def anomaly_scan(
    *,
    market: Market,
    sequence: Any = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    threshold: float = DEFAULT_THRESHOLD,
) -> dict[str, Any]:
    """Score the stored history in start..end (the last 30 days by default) or a posted sequence.

    A row whose score reaches `threshold` is an anomaly: 0.1 is the model's calibrated threshold
    (one false alarm a week), 0.2 is twice as strange. Results of stored history are kept, once per
    version and moment; scanning again adds nothing. Raises as `forecast_make` does.
    """
    _check(threshold, start, end)
    stored = sequence is None
    if stored:
        end = last_moment(market, end)
        start = start or end - dt.timedelta(days=DEFAULT_DAYS)
        _check(threshold, start, end)

    def ask(serving: Serving, predictor: ml.DLPredictor) -> ml.AnomalyScores:
        if stored:
            frame = history_frame(market, until=end, since=start)
        else:
            frame = sequence_frame(sequence, serving.model)
        return predictor.detect_anomalies(
            frame,
            start=start if stored else None,
            end=end if stored else None,
            threshold=threshold,
            source=ml.Source(serving.source),
        )

    serving, scores, milliseconds = answer_with(market, "anomaly", ask)
    new = _keep(market, serving, scores) if stored else 0
    return _answer(market, serving, scores, new, milliseconds)


def _check(threshold: float, start: dt.datetime | None, end: dt.datetime | None) -> None:
    if not math.isfinite(threshold) or not 0 < threshold <= 1000:
        raise InvalidInput(
            _("The threshold must be above 0 (0.1 is one false alarm a week)."),
            "bad_threshold",
            {"threshold": _("must be a number above 0 and at most 1000")},
        )
    if start is not None and end is not None and start >= end:
        raise InvalidInput(
            _("The scan would end before it starts."),
            "bad_range",
            {"from": _("must be earlier than `to`")},
        )


def _keep(market: Market, serving: Serving, scores: ml.AnomalyScores) -> int:
    """Insert what is not there yet; how many were new."""
    mine = AnomalyResult.objects.filter(model=serving.model, source=serving.source)
    rows = [
        AnomalyResult(
            market=market,
            model=serving.model,
            source=serving.source,
            timestamp=found.timestamp,
            score=found.score,
            threshold=scores.threshold,
            severity=found.severity,
            kind=found.kind,
            text=found.text,
            expected={k: dataclasses.asdict(v) for k, v in found.expected.items()},
            contributions=found.contributions,
        )
        for found in scores.anomalies
    ]
    before = mine.count()
    # The constraint, not a look before the leap, keeps two scans at once from adding twice.
    AnomalyResult.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return mine.count() - before


def _answer(
    market: Market,
    serving: Serving,
    scores: ml.AnomalyScores,
    new: int,
    milliseconds: float,
) -> dict[str, Any]:
    latest = scores.anomalies[-MOST_SHOWN:]
    first, last = (
        (scores.timestamps[0], scores.timestamps[-1]) if len(scores.timestamps) else (None, None)
    )
    return {
        "market": market.symbol,
        "model": describe(serving),
        "generated_at": timezone.now(),
        "from": first,
        "to": last,
        "rows": len(scores.timestamps),
        "threshold": scores.threshold,
        "warming_up": scores.warming_up,
        "last_score": _last_score(scores),
        "count": len(scores.anomalies),
        "stored_new": new,
        "events": _events(scores.anomalies, serving.model.step_minutes)[-MOST_SHOWN:],
        "anomalies": [dataclasses.asdict(found) for found in latest],
        "device": conf().SERVE_DEVICE,
        "latency_ms": round(milliseconds, 3),
    }


def _events(anomalies: tuple[ml.Anomaly, ...], step_minutes: int) -> list[dict[str, Any]]:
    """Strange rows less than EVENT_SILENCE steps apart are one event, named by its strangest."""
    silence = dt.timedelta(minutes=EVENT_SILENCE * step_minutes)
    groups: list[list[ml.Anomaly]] = []
    for found in anomalies:
        if groups and found.timestamp - groups[-1][-1].timestamp <= silence:
            groups[-1].append(found)
        else:
            groups.append([found])
    events = []
    for group in groups:
        peak = max(group, key=lambda found: found.score)
        events.append(
            {
                "start": group[0].timestamp,
                "peak": peak.timestamp,
                "end": group[-1].timestamp,
                "rows": len(group),
                "score": peak.score,
                "severity": peak.severity,
                "kind": peak.kind,
                "text": peak.text,
            }
        )
    return events


def _last_score(scores: ml.AnomalyScores) -> float | None:
    if not len(scores.scores):
        return None
    last = float(scores.scores[-1])
    return last if math.isfinite(last) else None


def anomaly_acknowledge(*, anomaly: AnomalyResult, by: Any = None) -> AnomalyResult:
    """Note that somebody has seen it; the first one to do so stays named."""
    unseen = AnomalyResult.objects.filter(pk=anomaly.pk, acknowledged_at=None)
    unseen.update(acknowledged_at=timezone.now(), acknowledged_by=by)
    anomaly.refresh_from_db()
    return anomaly


def anomaly_label(*, anomaly: AnomalyResult, label: str, by: Any = None) -> AnomalyResult:
    """Say whether it was a true or a false alarm ("" takes the label back); also acknowledges."""
    if label not in AnomalyResult.Label.values:
        raise InvalidInput(
            _("A label is true, false or empty."),
            "bad_label",
            {"label": _("must be one of: true, false, or empty")},
        )
    AnomalyResult.objects.filter(pk=anomaly.pk).update(label=label)
    return anomaly_acknowledge(anomaly=anomaly, by=by)
