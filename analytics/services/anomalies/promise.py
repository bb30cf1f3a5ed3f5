"""How often an alarm may be false, in the three ways in which people say it: a threshold on the
scores, a rate of false alarms, a sensitivity. At most one of them at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput
from analytics.selectors.models import Serving


@dataclass(frozen=True)
class Promise:
    """Either a threshold on public scores, or false alarms a week."""

    threshold: float | None = None
    per_week: float | None = None


def promise_of(
    *, threshold: float | None = None, alarm_rate: str | None = None, sensitivity: int | None = None
) -> Promise:
    """What is asked for; nothing is the calibrated threshold. Raises InvalidInput naming the
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
        return Promise(threshold=None, per_week=parse_alarm_rate(alarm_rate))
    if sensitivity is not None:
        return Promise(threshold=None, per_week=rate_of_sensitivity(sensitivity))
    return Promise(threshold=_checked(ml.PUBLIC_THRESHOLD if threshold is None else threshold))


def _checked(threshold: float) -> float:
    if not math.isfinite(threshold) or not 0 < threshold <= 1000:
        raise InvalidInput(
            _("The threshold must be above 0 (0.1 is one false alarm a week)."),
            "bad_threshold",
            {"threshold": _("must be a number above 0 and at most 1000")},
        )
    return threshold


def parse_alarm_rate(text: str) -> float:
    """ "1/week", "2/day", "0.5/month" -> false alarms a week."""
    try:
        return ml.parse_alarm_rate(text)
    except ml.BadConfig:
        raise InvalidInput(
            _("An alarm rate is false alarms per time, such as 1/week or 2/day."),
            "bad_alarm_rate",
            {"alarm_rate": _("must be N/day, N/week, N/month or N/year, at most 10/day")},
        ) from None


def rate_of_sensitivity(sensitivity: int) -> float:
    """0 (calm) to 99 (nervous) -> false alarms a week, in equal ratios."""
    try:
        return ml.rate_of_sensitivity(sensitivity)
    except ml.BadConfig:
        raise InvalidInput(
            _("The sensitivity goes from 0 to 99 (50 is one false alarm a week)."),
            "bad_sensitivity",
            {"sensitivity": _("must be a whole number from 0 to 99")},
        ) from None


def asked_of(promise: Promise, serving: Serving, predictor: ml.DLPredictor) -> dict[str, Any]:
    """The promise as the predictor takes it: the public threshold at which it is kept."""
    if promise.threshold is not None:
        return {"threshold": promise.threshold}
    per_week = promise.per_week or 1.0
    if math.isclose(per_week, 1.0):
        return {"threshold": ml.PUBLIC_THRESHOLD}
    return {"threshold": predictor.alarm_threshold(per_week, source=ml.Source(serving.source))}
