"""What a scan answers with, ready for JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

import ml
from analytics.conf import conf
from analytics.models import AnomalyResult, Market
from analytics.selectors.models import Serving
from analytics.services.anomalies.grouping import event_groups, silence_of, strangest, worst
from analytics.services.registry.serving import describe
from analytics.words import sentence

MOST_SHOWN = 1000


@dataclass(frozen=True)
class TooShort:
    """Stored history that is still too short to score a single row."""

    threshold: float | None  # None where it would have followed from a rate
    needed: int
    present: int


def scan_envelope(
    market: Market, serving: Serving, mode: str, milliseconds: float
) -> dict[str, Any]:
    """What every answer begins with; `milliseconds` are those of loading and scoring."""
    return {
        "market": market.symbol,
        "model": describe(serving),
        "generated_at": timezone.now(),
        "mode": mode,
        "device": conf().SERVE_DEVICE,
        "latency_ms": round(milliseconds, 3),
    }


def scan_too_short(short: TooShort) -> dict[str, Any]:
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


def scan_found(
    serving: Serving, scores: ml.AnomalyScores, new: int, stored: bool
) -> dict[str, Any]:
    """The answer where rows were scored; `new` strange rows of stored history were not known yet.
    Times are those of the rows, scores public ones (AnomalyEvent.ALARM is the alarm)."""
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
