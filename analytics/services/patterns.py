"""Patterns: the regime of the market, named with a probability; never sold as a forecast."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from django.utils import timezone

import ml
from analytics.conf import conf
from analytics.models import Market, PatternResult
from analytics.selectors.models import Serving
from analytics.services.history import history_frame, is_stale, last_moment, origin_of
from analytics.services.sequences import sequence_frame
from analytics.services.serving import answer_with, describe


def pattern_recognize(
    *,
    market: Market,
    sequence: Any = None,
    at: dt.datetime | None = None,
    history: int = 0,
) -> dict[str, Any]:
    """The pattern at the last stored quote (at or before `at`) or at the end of a posted sequence,
    with the `history` recognitions before it. Raises as `forecast_make` does."""
    last = None if sequence is not None else last_moment(market, at)

    def ask(serving: Serving, predictor: ml.DLPredictor) -> ml.Patterns:
        if last is None:
            frame = sequence_frame(sequence, serving.model)
        else:
            frame = history_frame(market, until=last)
        origin = None if last is None else origin_of(last, serving.model.step_minutes, at)
        return predictor.recognize_patterns(
            frame, at=origin, history=history, source=ml.Source(serving.source)
        )

    serving, patterns, milliseconds = answer_with(market, "pattern", ask)
    if last is not None:
        _keep(market, serving, patterns.current)
    return {
        "market": market.symbol,
        "model": describe(serving),
        "generated_at": timezone.now(),
        "stale": last is not None and is_stale(last, serving.model.step_minutes, at),
        "current": dataclasses.asdict(patterns.current),
        "history": [dataclasses.asdict(p) for p in patterns.history],
        "notes": list(patterns.notes),
        "device": conf().SERVE_DEVICE,
        "latency_ms": round(milliseconds, 3),
    }


def _keep(market: Market, serving: Serving, pattern: ml.Pattern) -> None:
    PatternResult.objects.get_or_create(
        model=serving.model,
        source=serving.source,
        as_of=pattern.as_of,
        defaults={
            "market": market,
            "name": serving.name,
            "label": pattern.label,
            "probability": pattern.probability,
            "clear": pattern.clear,
            "heads": pattern.heads,
        },
    )
