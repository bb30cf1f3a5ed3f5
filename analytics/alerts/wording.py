"""Small words that several kinds share."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from analytics.words import word, written


def figure(value: Any) -> str:
    """A number with six significant digits in the marks of the reader's language, without an
    exponent for prices; a dash for none."""
    if value is None:
        return "–"
    text = f"{float(value):,.6g}"
    if "e" in text:
        text = f"{float(value):,.0f}" if "e+" in text else f"{Decimal(text):f}"
    return written(text)


def percent(value: Any) -> str:
    """A percentage with its sign."""
    return written(f"{float(value):+.2f} %")


def moment(at: dt.datetime | str) -> str:
    """A moment, or its ISO 8601 text, in UTC."""
    found = dt.datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{found.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def name(figure_name: str) -> str:
    """What a figure of a quote is called."""
    return word(figure_name)


def side(direction: str) -> str:
    """Above or below."""
    return _("above") if direction == "above" else _("below")
