"""The last weeks of a market's quotes as a frame, kept between requests.

A history costs tens of milliseconds to read, and grows by a row with the next quote. What is kept
stands while nothing at or before its newest quote has changed (`Counters.rewrites`); quotes that
came later are read and appended, so a quote costs the same however long the history is. Whoever
corrects or deletes an old quote, in whatever process, moves that counter, and all is read anew.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from django.db import connection

import ml
from analytics.lazily import np, pd
from analytics.models import Market, PriceHistory
from analytics.selectors.frames import frame_of, price_frame, quote_arrays
from analytics.selectors.prices import Counters, market_counters, newest_moment
from analytics.shelf import Shelf

#: What the quotes of all markets may take together.
MOST_BYTES = 256 * 2**20
#: Frames of one market that are kept beside its quotes: those of its tasks.
MOST_FRAMES = 6
_TABLE, _WIDTH = ml.QUOTE_COLUMNS, len(ml.QUOTE_COLUMNS)
_DAY_NS = 86_400 * 10**9
#: Asked for every quote: the compiler of a queryset takes longer than this query.
_AFTER = (
    f'SELECT "timestamp", {", ".join(_TABLE)} FROM {PriceHistory._meta.db_table} '  # noqa: S608
    'WHERE market_id = %s AND "timestamp" > %s ORDER BY "timestamp"'
)


@dataclass
class Held:
    """A market's quotes from `since` (nanoseconds since 1970) on: `times` (n,) and `figures`
    (n, columns), which nobody writes into once they are filled; behind row `rows` there is room."""

    made: dt.datetime
    counters: Counters
    since: int
    times: np.ndarray
    figures: np.ndarray
    rows: int
    frames: OrderedDict[tuple[int, int, tuple[str, ...]], pd.DataFrame] = field(
        default_factory=OrderedDict
    )

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.times.nbytes + self.figures.nbytes)

    def frame(self, since: int, until: int, columns: tuple[str, ...]) -> pd.DataFrame:
        """The quotes in since..until; without columns that have no value there."""
        low, high = np.searchsorted(self.times[: self.rows], [since, until + 1])
        key = (int(low), int(high), columns)
        found = self.frames.get(key)
        if found is None:
            figures = self.figures[low:high]
            if columns != _TABLE:
                figures = figures[:, [_TABLE.index(name) for name in columns]]
            found = self.frames[key] = frame_of(self.times[low:high], figures, columns)
            while len(self.frames) > MOST_FRAMES:
                self.frames.popitem(last=False)
        return found

    def appended(self, counters: Counters, times: np.ndarray, figures: np.ndarray) -> Held:
        """With later quotes; the room behind the old ones is used where it is enough."""
        rows = self.rows + len(times)
        own, cells = self.times, self.figures
        if rows > len(own):
            room = rows // 8 + 64
            own = np.concatenate([own[: self.rows], times, np.zeros(room, "int64")])
            cells = np.concatenate([cells[: self.rows], figures, np.full((room, _WIDTH), np.nan)])
        else:
            own[self.rows : rows], cells[self.rows : rows] = times, figures
        return Held(self.made, counters, self.since, own, cells, rows)

    def trimmed(self, since: int) -> Held:
        """Without what lies more than a week before `since`: a history that is asked for by the
        day moves on."""
        if self.since >= since - 7 * _DAY_NS:
            return self
        low = int(np.searchsorted(self.times[: self.rows], since))
        own, cells = self.times[low : self.rows].copy(), self.figures[low : self.rows].copy()
        return Held(self.made, self.counters, since, own, cells, len(own))


class HeldQuotes:
    """The markets asked for last. Threads may share it."""

    def __init__(self) -> None:
        self._held = Shelf[Held](lambda: MOST_BYTES, lambda one: one.size)
        self._lock = Lock()

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._held.clear()

    def frame(
        self,
        market: Market,
        since: int,
        until: int,
        columns: tuple[str, ...],
        *,
        part: bool = False,
    ) -> pd.DataFrame | None:
        """The frame, or None where it is not worth keeping: an old stretch is asked for. What lies
        before a `part` is not forgotten."""
        counters = market_counters(market)
        with self._lock:
            held = self._held.get(market.pk)
        if held is not None and not _holds(market, held, counters, since):
            held = None
        if held is None:
            newest = newest_moment(market)
            if newest is None or until < _ns(newest):
                return None
            first = since - since % _DAY_NS
            times, figures = _read(market, first - 1000)
            held = Held(market.created_at, counters, first, times, figures, len(times))
        elif held.counters.revision != counters.revision:
            later = _read(market, int(held.times[held.rows - 1]))
            with self._lock:  # the room behind the rows belongs to one thread
                moved = self._held.get(market.pk) is not held
                if not moved:
                    held = held.appended(counters, *later)
                    self._held.put(market.pk, held)
            if moved:
                return self.frame(market, since, until, columns, part=part)
        if not part:
            held = held.trimmed(since)
        self._keep(market.pk, held)
        with self._lock:
            return held.frame(since, until, columns)

    def _keep(self, pk: int, held: Held) -> None:
        with self._lock:
            known = self._held.get(pk)
            if known is None or known.counters <= held.counters:
                self._held.put(pk, held)
            else:
                self._held.use(pk)


held_quotes = HeldQuotes()


def recent_quotes(
    market: Market,
    *,
    since: dt.datetime,
    until: dt.datetime,
    columns: Sequence[str] = ml.QUOTE_COLUMNS,
    part: bool = False,
) -> pd.DataFrame:
    """As `price_frame`. The frame is shared: nobody may write into it. `part`: others ask for more
    of the same market, so that what lies before it stays held."""
    found = None
    if not connection.in_atomic_block:  # what it writes may be undone, and the counters given again
        found = held_quotes.frame(market, _ns(since), _ns(until), tuple(columns), part=part)
    if found is None:
        return price_frame(market, since=since, until=until, columns=columns)
    return found


def later_quotes(market: Market, *, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    """As `price_frame`, for a short stretch that nobody asks for again."""
    times, figures = _read(market, _ns(since) - 1000)
    end = int(np.searchsorted(times, _ns(until), side="right"))
    return frame_of(times[:end], figures[:end], _TABLE)


def _holds(market: Market, held: Held, counters: Counters, since: int) -> bool:
    """Whether it can be continued to answer for what came from `since` on. A market that was
    deleted may leave its number to a new one, made at another time."""
    same = held.made == market.created_at and held.counters.rewrites == counters.rewrites
    return same and held.rows > 0 and held.since <= since


def _read(market: Market, after: int) -> tuple[np.ndarray, np.ndarray]:
    """The quotes after a moment (nanoseconds since 1970), as `quote_arrays` gives them."""
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=after // 1000)
    asked = [market.pk, connection.ops.adapt_datetimefield_value(moment)]
    return quote_arrays(_AFTER, asked, _WIDTH)


def _ns(moment: dt.datetime) -> int:
    """Nanoseconds since 1970, exactly."""
    since = moment.astimezone(dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (since // dt.timedelta(microseconds=1)) * 1000
