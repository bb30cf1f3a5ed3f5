"""How many alarms a user wants, in the ways users say it: "1/week", or a sensitivity of 0 to 99."""

from __future__ import annotations

import re

from ml.errors import BadConfig

_WEEKS = {"day": 1 / 7, "week": 1.0, "month": 52 / 12, "year": 52.0}
#: The range in which a promise means something: once in two years to ten a day.
LEAST_PER_WEEK, MOST_PER_WEEK = 0.01, 70.0
#: A sensitivity of 50 is one a week; every 15 points more are three times as many alarms.
_MIDDLE, _POINTS, _FACTOR = 50, 15.0, 3.0


def parse_alarm_rate(text: str) -> float:
    """ "1/week", "2/week", "1/day", "3/month" -> false alarms a week. Raises BadConfig."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*/\s*(day|week|month|year)\s*", text.lower())
    rate = float(found[1]) / _WEEKS[found[2]] if found else 0.0
    if not LEAST_PER_WEEK <= rate <= MOST_PER_WEEK:
        problem = (
            f'must be like "1/week" or "1/day", at most {MOST_PER_WEEK:g} a week, not {text!r}'
        )
        raise BadConfig("This alarm rate cannot be promised.", {"alarm_rate": problem})
    return rate


def rate_of_sensitivity(sensitivity: float) -> float:
    """0..99 -> false alarms a week, as users of Azure's Anomaly Detector know it: higher means
    narrower margins and more alarms. 50 is one a week, 68 one in two days, 99 five a day, 0 one in
    nine months; in between the rate grows by equal factors. Raises BadConfig."""
    if not 0 <= sensitivity <= 99:
        raise BadConfig(
            "This sensitivity does not exist.",
            {"sensitivity": f"must be between 0 and 99, not {sensitivity:g}"},
        )
    return float(_FACTOR ** ((sensitivity - _MIDDLE) / _POINTS))
