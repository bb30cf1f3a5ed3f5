"""Irregular quotes -> a regular grid of last known values. Never a look ahead.

Row t of the grid holds, per column, the last value seen at or before t; a side older than the
staleness limit is missing (NaN). This is the grid on which every model sees a market.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from ml.errors import BadQuotes
from ml.quotes import PRICE_COLUMNS, QUOTE_COLUMNS, SIDES, staleness_limit
from ml.spec import DEFAULT_STEP_MINUTES

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class QuoteArrays:
    """What a quotes frame holds, for who has few rows and little time: `times` (n,) nanoseconds
    since 1970, ascending and each once; `columns` by name, (n,) float64 each."""

    times: np.ndarray
    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.times)

    @property
    def is_sorted(self) -> bool:
        """Whether the times are as they must be."""
        return bool((self.times[1:] > self.times[:-1]).all())

    def frame(self) -> pd.DataFrame:
        """The quotes frame itself."""
        return pd.DataFrame(self.columns, index=pd.DatetimeIndex(self.times, tz="UTC"))


def moment_of(nanoseconds: int) -> dt.datetime:
    """The aware time of so many nanoseconds since 1970, whole microseconds of it."""
    return _EPOCH + dt.timedelta(microseconds=int(nanoseconds) // 1000)


def check_quotes(quotes: pd.DataFrame, *, until: dt.datetime | None = None) -> pd.DataFrame:
    """The rows up to `until` with known columns only, all-empty ones dropped. A frame that is fine
    as it is comes back itself. Raises BadQuotes.

    Whoever takes quotes from outside of `ml` asks this once; what is inside takes the answer.
    """
    quotes = cut_quotes(quotes, until)
    known = [c for c in QUOTE_COLUMNS if c in quotes.columns]
    if known != list(quotes.columns):
        quotes = quotes[known]
    if any(kind != np.float64 for kind in quotes.dtypes):
        quotes = quotes.dropna(axis="columns", how="all").astype("float64")
    table = quotes.to_numpy()
    if np.isnan(table[-1]).any():  # else every column has a value
        empty = np.isnan(table).all(axis=0)
        if empty.any():
            quotes = quotes.loc[:, ~empty]
    _refuse_without_price(quotes.columns)
    return quotes


def cut_quotes(quotes: pd.DataFrame, until: dt.datetime | None) -> pd.DataFrame:
    """The rows at or before `until`, all columns as they are. Raises BadQuotes where there is none
    or where the index is not one of aware, sorted and unique timestamps."""
    index = quotes.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        problem = {"timestamp": "without a time zone"}
        raise BadQuotes("Quotes need an index of aware timestamps.", problem)
    times = index.asi8
    if len(times) and (times[0] == pd.NaT.value or not (times[1:] > times[:-1]).all()):
        problem = {"timestamp": "not sorted, or not unique"}
        raise BadQuotes("Timestamps must be sorted and unique.", problem)
    end = len(quotes)
    if until is not None:
        end = int(index.searchsorted(pd.Timestamp(until), side="right"))
    if not end:
        raise BadQuotes("There is no quote at or before that moment.", {"at": str(until)})
    return quotes if end == len(quotes) else quotes.iloc[:end]


def _refuse_without_price(columns: Iterable[str]) -> None:
    if set(PRICE_COLUMNS).isdisjoint(columns):
        raise BadQuotes("Quotes need a price: bid and ask, or price.", {"columns": "no price"})


def build_grid(
    quotes: pd.DataFrame,
    *,
    columns: Sequence[str] = QUOTE_COLUMNS,
    step_minutes: int = DEFAULT_STEP_MINUTES,
    stale_minutes: int | None = None,
    end: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Regular grid of the last known quotes; `quotes` as `check_quotes` gives them, or a part of
    that.

    Columns: those of `quotes` and of `columns` with any value, then `mid` (mean of both sides, else
    `price`), `spread_pct` (percent of mid; only where both sides exist as columns), `age` (minutes
    since the last price of any side), `bid_age`/`ask_age` or `price_age`. `mid` is missing where a
    side is missing. A side is missing from `stale_minutes` on, `staleness_limit` by default. Raises
    BadQuotes where no row has a price.
    """
    values = _known_columns(quotes, columns)
    freq = pd.Timedelta(minutes=step_minutes)
    last = quotes.index[-1].floor(freq) if end is None else pd.Timestamp(end).floor(freq)
    first = quotes.index[0].ceil(freq)
    step = step_minutes * 60 * 10**9
    at = np.arange(first.as_unit("ns").value, last.as_unit("ns").value + 1, step)
    seen = quotes.index.as_unit("ns").asi8
    found = grid_columns(seen, values, at, stale_minutes or staleness_limit(step_minutes))
    # Side by side they are one block as they lie, which a dictionary would be copied into.
    table = np.stack(list(found.values())).T
    index = pd.DatetimeIndex(at, tz=quotes.index.tz)
    return pd.DataFrame(table, index=index, columns=_called(tuple(found)), copy=False)


@lru_cache(maxsize=64)
def _called(columns: tuple[str, ...]) -> pd.Index:
    """What a grid's columns are called; making an index costs more than the sums over it."""
    return pd.Index(columns)


def grid_at(
    quotes: pd.DataFrame, moments: Sequence[dt.datetime], *, step_minutes: int
) -> dict[str, np.ndarray]:
    """The columns of the grid (see build_grid) at some moments of it, each (moments,); NaN before
    its first row. Raises BadQuotes where no row has a price."""
    values = _known_columns(quotes)
    at = pd.DatetimeIndex(moments).as_unit("ns").asi8
    first = quotes.index[0].ceil(pd.Timedelta(minutes=step_minutes)).as_unit("ns").value
    seen = quotes.index.as_unit("ns").asi8
    found = grid_columns(seen, values, at, staleness_limit(step_minutes))
    on = (at >= first) & (at % (step_minutes * 60 * 10**9) == 0)
    return {name: np.where(on, column, np.nan) for name, column in found.items()}


def _known_columns(
    quotes: pd.DataFrame, columns: Sequence[str] = QUOTE_COLUMNS
) -> dict[str, np.ndarray]:
    """The columns with any value, each (rows,). Raises BadQuotes where none is a price."""
    wanted = [c for c in QUOTE_COLUMNS if c in columns]
    there = arrays_of(quotes, wanted)
    # The last quote is known, as a rule: then nothing before it has to be looked at.
    known = {c: v for c, v in there.items() if not (np.isnan(v[-1:]).all() and np.isnan(v).all())}
    _refuse_without_price(known)
    return known


def arrays_of(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of the columns `names` that a frame has, each (rows,) float64. All of them at once:
    what pandas takes for one column costs more than most sums over it."""
    places = _places_of(frame.columns)
    there = [name for name in names if name in places]
    table = frame.to_numpy()
    if table.dtype != np.float64:  # the frame holds something else beside them
        return {name: frame[name].to_numpy(dtype="float64") for name in there}
    return {name: table[:, places[name]] for name in there}


#: The columns that frames had last, with where each lies: most frames share theirs, and what pandas
#: takes to list them costs more than most sums over one.
_LISTED: dict[int, tuple[pd.Index, dict[str, int]]] = {}
_MOST_LISTED = 64


def _places_of(columns: pd.Index) -> dict[str, int]:
    """Name -> place. An index does not change, and no other gets the number of one that is kept."""
    kept = _LISTED.get(id(columns))
    if kept is not None and kept[0] is columns:
        return kept[1]
    places = {name: place for place, name in enumerate(columns.tolist())}
    if len(_LISTED) >= _MOST_LISTED:
        _LISTED.clear()
    _LISTED[id(columns)] = columns, places
    return places


def missing_notes(columns: Sequence[str]) -> tuple[str, ...]:
    """What is said of columns that a model was trained with and that the quotes lack."""
    if not columns:
        return ()
    return (f"{', '.join(columns)} missing: trained with, not in these quotes, and not judged",)


def grid_columns(
    seen: np.ndarray, values: Mapping[str, np.ndarray], at: np.ndarray, stale_minutes: int
) -> dict[str, np.ndarray]:
    """The columns of a grid at the times `at` (n,), of quotes `values` (m,) each made at `seen`
    (m,); times in nanoseconds since 1970."""
    grid: dict[str, np.ndarray] = {}
    ages: dict[str, np.ndarray] = {}
    found: list[tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]] = []
    for column, figures in values.items():
        known = np.isfinite(figures)
        # Columns that are known in the same rows share their places.
        places = next((p for rows, p in found if np.array_equal(rows, known)), None)
        if places is None:
            places = _places(seen[known], at, stale_minutes)
            found.append((known, places))
        place, age, late = places
        figures = figures[known]
        if not len(figures):
            grid[column] = np.full(len(at), np.nan)
        else:
            grid[column] = figures[place]
            grid[column][late] = np.nan
        ages[column] = age
    _derive(grid, ages)
    return grid


def _places(
    times: np.ndarray, at: np.ndarray, stale_minutes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each (n,): the number of the last quote by then, 0 where there is none; its minutes of age,
    infinite there; and whether it is missing or too old."""
    if not len(times):
        return np.zeros(len(at), int), np.full(len(at), np.inf), np.ones(len(at), bool)
    place = np.searchsorted(times, at, side="right") - 1
    early = place < 0
    place[early] = 0
    age = (at - times[place]) / 6e10
    age[early] = np.inf
    return place, age, age > stale_minutes


def _derive(grid: dict[str, np.ndarray], ages: dict[str, np.ndarray]) -> None:
    if set(SIDES) <= grid.keys():
        grid["mid"] = (grid["bid"] + grid["ask"]) / 2
        grid["spread_pct"] = (grid["ask"] - grid["bid"]) / grid["mid"] * 100
    else:
        grid["mid"] = grid[next(c for c in ("price", *SIDES) if c in grid)]
    priced = [c for c in PRICE_COLUMNS if c in ages]
    for column in priced:
        grid[f"{column}_age"] = ages[column]
    grid["age"] = np.minimum.reduce([ages[c] for c in priced])
