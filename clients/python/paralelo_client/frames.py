"""Answers as pandas frames, for notebooks; pandas (`paralelo-client[frames]`) is loaded here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: Fields that hold moments.
_MOMENTS = frozenset({"timestamp", "at", "as_of", "generated_at", "start", "peak", "end"})
#: What an answer is a table of.
_PARTS = ("horizons", "anomalies", "orders")


def to_frame(answer: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows (quotes, markets, events ...), or an answer's own: the horizons of a forecast, the
    strange rows of a scan, the orders of a price for an amount. Nested fields have dotted names;
    moments are in UTC, and the first of timestamp and at that there is becomes the index."""
    import pandas as pd

    rows: Iterable[Mapping[str, Any]]
    if isinstance(answer, Mapping):
        part = next((name for name in _PARTS if name in answer), None)
        rows = [answer] if part is None else answer[part]
    else:
        rows = answer
    frame = pd.json_normalize([dict(row) for row in rows])
    for name in _MOMENTS & set(frame.columns):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    index = next((name for name in ("timestamp", "at") if name in frame), None)
    return frame if index is None else frame.set_index(index)
