"""Anomaly scans: one stored result per version and moment, however often it runs."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput, NotReady
from analytics.models import Market
from analytics.selectors.models import Serving
from analytics.services.anomalies.answer import (
    TooShort,
    scan_envelope,
    scan_found,
    scan_too_short,
)
from analytics.services.anomalies.events import events_store
from analytics.services.anomalies.promise import asked_of, promise_of
from analytics.services.anomalies.watch import history_missing
from analytics.services.prices.history import history_frame, last_moment
from analytics.services.prices.sequences import sequence_frame
from analytics.services.registry.serving import answer_with

__all__ = ["MODES", "anomaly_scan"]

DEFAULT_DAYS = 30
#: All rows asked for, or the last of them alone.
MODES = ("entire", "last")


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
        if mode == "entire":
            start = start or end - dt.timedelta(days=DEFAULT_DAYS)
        _check_span(start, end, mode)

    def score(serving: Serving, predictor: ml.DLPredictor) -> ml.AnomalyScores:
        asked = asked_of(promise, serving, predictor) | {"source": ml.Source(serving.source)}
        if not stored:
            return predictor.detect_anomalies(sequence_frame(sequence, serving.model), **asked)
        # The last row lies at most a step of the grid before the last quote.
        step = dt.timedelta(minutes=serving.model.step_minutes)
        since = end - 2 * step if start is None else start
        frame = history_frame(market, until=end, since=since)
        return predictor.detect_anomalies(frame, start=since, end=end, **asked)

    def ask(serving: Serving, predictor: ml.DLPredictor) -> ml.AnomalyScores | TooShort:
        try:
            return _rows(score(serving, predictor), mode)
        except ml.NotEnoughData as short:
            if not stored:
                raise
            return TooShort(promise.threshold, short.needed, short.present)

    try:
        serving, scores, milliseconds = answer_with(market, "anomaly", ask)
    except NotReady as nobody:
        missing = history_missing(market)
        if missing is not None:
            # There is no model, and there cannot be one yet.
            needed, present = missing
            nobody.details.update(warming_up=True, needed=needed, present=present)
        raise
    answer = scan_envelope(market, serving, mode, milliseconds)
    if isinstance(scores, TooShort):
        return answer | scan_too_short(scores)
    new = events_store(market=market, serving=serving, scores=scores) if stored else 0
    return answer | scan_found(serving, scores, new, stored)


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


def _rows(scores: ml.AnomalyScores, mode: str) -> ml.AnomalyScores:
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
