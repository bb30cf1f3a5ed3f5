"""Figures, lengths of time and moments as people write them."""

from __future__ import annotations

import math
from typing import Any

from django.utils.translation import ngettext

from analytics.words import written


def number(value: Any) -> str:
    """Four significant digits, prices never cut below the unit; a dash for the unknown."""
    if not is_finite(value):
        return "–"
    value = float(value)
    if value == 0:
        return "0"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return written(f"{value:,.{min(digits, 16)}f}")


def decimals(value: float) -> int:
    """Digits after the point that show moves of a price about this one: four, more below 1."""
    return 4 if not value else max(4, 4 - math.floor(math.log10(abs(value))))


def is_finite(value: Any) -> bool:
    """Whether it is a number that can be drawn or written."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def percent(share: float | None) -> str:
    """A share of 0 to 1 in whole percent; a dash for the unknown."""
    return "–" if share is None else f"{100 * share:.0f} %"


def count(value: float | None) -> str:
    """A whole number with its thousands marked; a dash for the unknown."""
    return "–" if value is None else written(f"{value:,.0f}")


def duration(seconds: float | None) -> str:
    """A length of time in its largest sensible unit."""
    if seconds is None:
        return "–"
    seconds = max(seconds, 0.0)  # clocks of two machines differ
    if seconds < 90:
        return ngettext("%(n)d second", "%(n)d seconds", round(seconds)) % {"n": round(seconds)}
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(seconds / 3600)
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = round(seconds / 86400)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
