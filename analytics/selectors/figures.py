"""Figures of quotes on their way into the database and out of it: one conversion each way.

They are float64 in frames and decimals in the database (which SQLite keeps as doubles, and may read
a hair beside what was written). Both ways round to the places of the column and to the digits that
a double can hold, so what was quoted with up to 15 digits is stored and read back as quoted.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import FloatField
from django.db.models.functions import Cast

import ml

#: Decimal digits that a double tells apart, whatever they are.
DIGITS = 15
_POWERS = 10.0 ** np.arange(DIGITS + 8)  # 1, 10, ... 1e22: all of them exact
_COLUMNS = {column.name: column for column in ml.QUOTE_SCHEMA}


def rounded(values: np.ndarray, places: int) -> np.ndarray:
    """(n,) float64 -> the doubles nearest to them with at most `places` decimals and DIGITS digits;
    NaN stays NaN."""
    before = np.searchsorted(_POWERS, np.abs(values), side="right")  # digits before the point
    keep = np.minimum(places, DIGITS - before)
    out = values.copy()
    for many in np.unique(keep).tolist():
        rows = keep == many
        out[rows] = np.round(values[rows], many)
    return out


def to_stored(values: np.ndarray, name: str) -> list[Decimal | int | None]:
    """(n,) rounded float64 of a column -> what the database takes; NaN is None."""
    places = _COLUMNS[name].places
    # repr is the shortest text that means this double, and so the digits that were quoted.
    return [
        None if value != value else Decimal(repr(value)) if places else int(value)
        for value in values.tolist()
    ]


def stored_floats(names: Iterable[str]) -> list[Cast]:
    """What to ask the database for: a Decimal per cell is most of what reading costs."""
    return [Cast(name, FloatField()) for name in names]


def from_stored(rows: Iterable[tuple[Any, ...]], names: Iterable[str]) -> dict[str, np.ndarray]:
    """Rows of `stored_floats` -> (n,) float64 by column, NaN where the database has NULL."""
    names = list(names)
    cells = np.array(list(rows), dtype="float64").reshape(-1, len(names))
    return {
        name: rounded(cells[:, number], _COLUMNS[name].places) for number, name in enumerate(names)
    }
