"""The rows of a whole file, held until all of them are known: the two rows of a moment may stand
anywhere in it. They take eight bytes a figure that any of them knows."""

from __future__ import annotations

from collections.abc import Iterable

from analytics.lazily import np, pd
from analytics.services.prices import reading
from analytics.services.prices.storing import FIGURES


def gathered(blocks: Iterable[reading.QuoteBlock], expected: int) -> pd.DataFrame:
    """Symbol (category), timestamp (aware UTC) and the figures that any row knows. Room is made
    for `expected` rows at once: what is gathered in pieces stands in memory twice."""
    rows = _Rows(expected)
    for block in blocks:
        if len(block.rows):
            rows.add(block.rows)
    return rows.frame()


class _Rows:
    def __init__(self, expected: int) -> None:
        self._count, self._room = 0, max(expected, 1)
        self._moments = np.empty(self._room, dtype="datetime64[us]")
        self._codes = np.empty(self._room, dtype="int32")
        self._figures: dict[str, np.ndarray] = {}
        self._symbols: dict[str, int] = {}

    def add(self, rows: pd.DataFrame) -> None:
        part = slice(self._count, self._count + len(rows))
        if part.stop > self._room:  # the file has grown since it was looked at
            self._grow(2 * part.stop)
        self._count = part.stop
        self._moments[part] = rows["timestamp"].dt.tz_localize(None).to_numpy()
        symbols = rows["symbol"].cat
        numbers = [self._symbols.setdefault(s, len(self._symbols)) for s in symbols.categories]
        self._codes[part] = np.array(numbers, dtype="int32")[symbols.codes]
        for name in FIGURES:
            values = rows[name].to_numpy()
            if name not in self._figures and not np.isnan(values).all():
                self._figures[name] = np.full(self._room, np.nan)
            if name in self._figures:
                self._figures[name][part] = values

    def _grow(self, room: int) -> None:
        more = room - self._room
        self._moments = np.resize(self._moments, room)
        self._codes = np.resize(self._codes, room)
        unknown = np.full(more, np.nan)
        self._figures = {n: np.concatenate([v, unknown]) for n, v in self._figures.items()}
        self._room = room

    def frame(self) -> pd.DataFrame:
        """Of what was added."""
        whole = slice(self._count)
        names = pd.Index(list(self._symbols), dtype="str")
        columns = {
            "symbol": pd.Categorical.from_codes(self._codes[whole], names),
            "timestamp": pd.DatetimeIndex(self._moments[whole]).tz_localize("UTC"),
            **{name: self._figures[name][whole] for name in FIGURES if name in self._figures},
        }
        return pd.DataFrame(columns, copy=False)
