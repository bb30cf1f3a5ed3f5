"""Whatever the product answers, as plain JSON: figures in full, nothing that differs by luck."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import hashlib
import io
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

#: Figures that say how long or where, under these names at any depth.
VOLATILE = frozenset({"latency_ms", "seconds", "eta_seconds", "token", "host", "pid", "folder"})
MASK = "<masked>"
_SECONDS = re.compile(r"\b\d+\.\d s\b")


def plain(value: Any) -> Any:
    """JSON of dataclasses, frames, arrays, moments, enums and paths; raises TypeError for others.
    A float that JSON does not know becomes its name, a folder its last part."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else str(float(value))
    for kinds, make in _MAKERS:
        if isinstance(value, kinds):
            return make(value)
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no plain form here")


def _frame(frame: pd.DataFrame) -> dict[str, Any]:
    table = {str(name): plain(column.to_numpy()) for name, column in frame.items()}
    return {"index": plain(frame.index), "columns": table}


def _array(array: np.ndarray) -> Any:
    if array.dtype.kind == "M":
        return [str(moment) for moment in array]
    return plain(array.tolist())


_MAKERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (pd.DataFrame, _frame),
    (pd.Series, lambda series: plain(series.to_numpy())),
    (pd.DatetimeIndex, lambda index: [moment.isoformat() for moment in index]),
    (pd.Index, lambda index: plain(index.to_numpy())),
    (np.ndarray, _array),
    ((np.integer, np.bool_), lambda number: number.item()),
    (Decimal, str),
    ((dt.datetime, dt.date), lambda moment: moment.isoformat()),
    (dt.timedelta, lambda span: span.total_seconds()),
    (Path, lambda path: path.name),
    (bytes, lambda body: hashlib.sha256(body).hexdigest()),
    (Mapping, lambda found: {str(key): plain(one) for key, one in found.items()}),
    ((list, tuple), lambda found: [plain(one) for one in found]),
    ((set, frozenset), lambda found: sorted(plain(one) for one in found)),
)


def table_of(text: str) -> Any:
    """A csv by its columns, so that its figures are compared as numbers."""
    return plain(pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""]))


def masked(value: Any, places: Mapping[str, str] | None = None) -> Any:
    """`value` (plain JSON) without durations and hosts; `places` maps folders to their names."""
    if isinstance(value, dict):
        return {
            key: MASK if key in VOLATILE and one not in (None, "") else masked(one, places)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [masked(one, places) for one in value]
    if isinstance(value, str):
        for folder, name in (places or {}).items():
            value = value.replace(folder, name)
        return _SECONDS.sub("<seconds>", value)
    return value
