"""How often an alarm may be false, in the three ways in which people say it: a threshold on the
scores, a rate of false alarms, a sensitivity. At most one of them at a time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput
from analytics.selectors.models import Serving
from analytics.selectors.prices import price_frame

#: Public score of a row exactly at the calibrated threshold, which keeps one false alarm a week.
DEFAULT_THRESHOLD = 0.1
_RATE = re.compile(r"^\s*(\d{1,6}(?:\.\d{1,6})?)\s*/\s*(day|week|month|year)\s*$")
_PER_WEEK = {"day": 7.0, "week": 1.0, "month": 12 / 52, "year": 1 / 52}
#: Fewest and most false alarms a week that can be asked for: one in two years, ten a day.
_FEWEST, _MOST = 0.01, 70.0
#: A sensitivity of 50 is the calibrated one a week; every 15 points more are three times as many.
_MIDDLE, _POINTS, _FACTOR = 50, 15.0, 3.0


@dataclass(frozen=True)
class Promise:
    """Either a threshold on public scores, or false alarms a week."""

    threshold: float | None = DEFAULT_THRESHOLD
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
    return Promise(threshold=_checked(DEFAULT_THRESHOLD if threshold is None else threshold))


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
    found = _RATE.match(text.lower())
    rate = float(found[1]) * _PER_WEEK[found[2]] if found else 0.0
    if not _FEWEST <= rate <= _MOST:
        raise InvalidInput(
            _("An alarm rate is false alarms per time, such as 1/week or 2/day."),
            "bad_alarm_rate",
            {"alarm_rate": _("must be N/day, N/week, N/month or N/year, at most 10/day")},
        )
    return rate


def rate_of_sensitivity(sensitivity: int) -> float:
    """0 (calm) to 99 (nervous) -> false alarms a week, in equal ratios."""
    if not 0 <= sensitivity <= 99:
        raise InvalidInput(
            _("The sensitivity goes from 0 to 99 (50 is one false alarm a week)."),
            "bad_sensitivity",
            {"sensitivity": _("must be a whole number from 0 to 99")},
        )
    return float(_FACTOR ** ((sensitivity - _MIDDLE) / _POINTS))


def asked_of(promise: Promise, serving: Serving, predictor: ml.DLPredictor) -> dict[str, Any]:
    """The promise as the predictor takes it: the public threshold at which this version keeps it,
    read off its scores of the stretch that it was trained on, as its own threshold was."""
    if promise.threshold is not None:
        return {"threshold": promise.threshold}
    per_week = promise.per_week or 1.0
    if math.isclose(per_week, 1.0):
        return {"threshold": DEFAULT_THRESHOLD}
    return {"threshold": _calibrated(_Asked(serving, predictor), round(per_week, 9))}


class _Asked:
    """A version and its predictor as one key of the cache: a version never changes."""

    def __init__(self, serving: Serving, predictor: ml.DLPredictor) -> None:
        self.serving, self.predictor = serving, predictor
        self.key = (serving.model.pk, serving.model.checksum, str(serving.source))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Asked) and self.key == other.key


@lru_cache(maxsize=256)
def _calibrated(asked: _Asked, per_week: float) -> float:
    model = asked.serving.model
    quotes = price_frame(model.market, since=model.data_from, until=model.trained_until)
    scored = asked.predictor.detect_anomalies(
        quotes, threshold=1000.0, source=ml.Source(asked.serving.source)
    )
    return float(ml.calibrate(scored.scores, step_minutes=model.step_minutes, promise=per_week))
