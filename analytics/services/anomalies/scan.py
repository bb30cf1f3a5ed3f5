"""Anomaly scans: one stored result per version and moment, however often it runs."""

from __future__ import annotations

import dataclasses
import datetime as dt
from functools import partial
from typing import Any, TypeAlias

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
from analytics.services.anomalies.operating_point import (
    OperatingPoint,
    operating_point,
    threshold_of,
)
from analytics.services.anomalies.watch import history_missing
from analytics.services.prices.history import history_frame, last_moment
from analytics.services.prices.sequences import sequence_frame
from analytics.services.prices.unchanged import Work, keep_unchanged
from analytics.services.registry.serving import answer_with

DEFAULT_DAYS = 30
#: All rows asked for, or the last of them alone.
MODES = ("entire", "last")
#: The stretch of stored history to score; without a start the last row alone.
Span = tuple[dt.datetime | None, dt.datetime]
_Found: TypeAlias = "tuple[Serving, ml.AnomalyScores | TooShort, float]"


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
    point = operating_point(threshold=threshold, alarm_rate=alarm_rate, sensitivity=sensitivity)
    _check_span(start, end, mode)

    asked = _Asked(market=market, start=start, end=end, sequence=sequence, point=point, mode=mode)
    try:
        found, new = keep_unchanged(
            market, Work(asked.ask, lambda found: _keep(market, *found[:2]), asked.is_stored)
        )
    except NotReady as nobody:
        missing = history_missing(market)
        if missing is not None:
            # There is no model, and there cannot be one yet.
            nobody.details.update(warming_up=True, needed=missing[0], present=missing[1])
        raise
    serving, scores, milliseconds = found
    answer = scan_envelope(market, serving, mode, milliseconds)
    if isinstance(scores, TooShort):
        return answer | scan_too_short(scores)
    return answer | scan_found(serving, scores, new or 0, asked.is_stored(found))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a scan is asked for: a posted sequence, or the stored quotes from start to end."""

    market: Market
    start: dt.datetime | None
    end: dt.datetime | None
    sequence: Any
    point: OperatingPoint
    mode: str

    def ask(self) -> _Found:
        """Who answers, what, and the milliseconds it took."""
        span = None
        if self.sequence is None:
            span = _span(self.market, self.start, self.end, self.mode)
        scores = partial(self.scores, span)
        return answer_with(self.market, "anomaly", scores, or_baseline=True)

    def is_stored(self, found: _Found) -> bool:
        """Whether what was found is kept: a version's scores of stored quotes."""
        serving, scores, _ms = found
        kept = self.sequence is None and serving.model.pk is not None
        return kept and not isinstance(scores, TooShort)

    def scores(
        self, span: Span | None, serving: Serving, predictor: ml.DLPredictor
    ) -> ml.AnomalyScores | TooShort:
        """What this version says of the rows; `span` is None for a sequence."""
        asked: Any = {"threshold": threshold_of(self.point, serving, predictor)}
        asked["source"] = ml.Source(serving.source)
        if span is None:
            frame = sequence_frame(self.sequence, serving.model)
            return _rows(predictor.detect_anomalies(frame, **asked), self.mode)
        start, end = span
        # The last row lies at most a step of the grid before the last quote.
        step = serving.model.step_minutes
        since = start or end - 2 * dt.timedelta(minutes=step)
        frame = history_frame(self.market, until=end, since=since, step_minutes=step)
        try:
            scores = predictor.detect_anomalies(frame, start=since, end=end, **asked)
        except ml.NotEnoughData as short:
            return TooShort(self.point.threshold, short.needed, short.present)
        return _rows(scores, self.mode)


def _keep(market: Market, serving: Serving, scores: ml.AnomalyScores) -> int:
    """Store the strange rows and tell what became of the events; how many rows were new. To be
    called in a transaction."""
    changes = events_store(market=market, serving=serving, scores=scores)
    changes.publish()
    return changes.new_rows


def _span(market: Market, start: dt.datetime | None, end: dt.datetime | None, mode: str) -> Span:
    """Raises InvalidInput (bad_range, no_history)."""
    end = last_moment(market, end)
    if mode == "entire":
        start = start or end - dt.timedelta(days=DEFAULT_DAYS)
    _check_span(start, end, mode)
    return start, end


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
