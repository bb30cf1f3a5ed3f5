"""How often an alarm may be false: the operating point of the detector, in the three ways in which
people say it. A threshold on the scores, a rate of false alarms, a sensitivity; one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput
from analytics.models import AnomalyEvent
from analytics.selectors.models import Serving


@dataclass(frozen=True)
class OperatingPoint:
    """Either a threshold on public scores (AnomalyEvent.ALARM is the calibrated one), or false
    alarms a week."""

    threshold: float | None = AnomalyEvent.ALARM
    per_week: float | None = None


def operating_point(
    *, threshold: float | None = None, alarm_rate: str | None = None, sensitivity: int | None = None
) -> OperatingPoint:
    """What is asked for; nothing is the calibrated threshold. `alarm_rate` is "1/week", "2/day" or
    "0.5/month", `sensitivity` goes from 0 (calm) to 99 (nervous). Raises InvalidInput naming the
    field that is wrong, or each of those that were given together."""
    given = {"threshold": threshold, "alarm_rate": alarm_rate, "sensitivity": sensitivity}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        why = _("give only one of: %(names)s") % {"names": ", ".join(named)}
        raise InvalidInput(
            _("A threshold, an alarm rate and a sensitivity say the same thing: give one."),
            "bad_promise",
            dict.fromkeys(named, why),
        )
    if alarm_rate is not None:
        with _refused(
            "bad_alarm_rate",
            "alarm_rate",
            _("An alarm rate is false alarms per time, such as 1/week or 2/day."),
            _("must be N/day, N/week, N/month or N/year, at most 10/day"),
        ):
            return OperatingPoint(threshold=None, per_week=ml.parse_alarm_rate(alarm_rate))
    if sensitivity is not None:
        with _refused(
            "bad_sensitivity",
            "sensitivity",
            _("The sensitivity goes from 0 to 99 (50 is one false alarm a week)."),
            _("must be a whole number from 0 to 99"),
        ):
            return OperatingPoint(threshold=None, per_week=ml.rate_of_sensitivity(sensitivity))
    return OperatingPoint() if threshold is None else OperatingPoint(threshold=_checked(threshold))


@contextmanager
def _refused(code: str, field: str, message: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except ml.BadConfig:
        raise InvalidInput(message, code, {field: remedy}) from None


def _checked(threshold: float) -> float:
    if not math.isfinite(threshold) or not 0 < threshold <= 1000:
        raise InvalidInput(
            _("The threshold must be above 0 (0.1 is one false alarm a week)."),
            "bad_threshold",
            {"threshold": _("must be a number above 0 and at most 1000")},
        )
    return threshold


def threshold_of(point: OperatingPoint, serving: Serving, predictor: ml.DLPredictor) -> float:
    """The public threshold at which this version keeps to the operating point."""
    if point.threshold is not None:
        return point.threshold
    per_week = point.per_week or 1.0
    if math.isclose(per_week, 1.0):
        return AnomalyEvent.ALARM
    return predictor.alarm_threshold(per_week, source=ml.Source(serving.source))
