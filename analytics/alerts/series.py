"""Sights of a row of values against a level, with hysteresis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from analytics.alerts.machine import Sight
from analytics.lazily import np


def moment_of(seconds: float) -> dt.datetime:
    """The moment of seconds since 1970, to the millisecond."""
    return dt.datetime.fromtimestamp(round(seconds, 3), dt.UTC)


def against(
    rows: Iterable[tuple[dt.datetime, float, dict[str, Any]]],
    *,
    direction: str,
    level: float,
    band: float,
) -> list[Sight]:
    """On where a value lies at the level or beyond; clear where it came back by more than `band`.
    Rows are (moment, value, values for the message); unknown values are no sights."""
    sign = 1.0 if direction == "above" else -1.0
    found = []
    for at, value, values in rows:
        if not np.isfinite(value):
            continue
        over = sign * (value - level)
        found.append(Sight(at=at, on=over >= 0, clear=over < -band, values=values))
    return found
