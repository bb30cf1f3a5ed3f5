"""The one reader of quotes: it looks at a source for evidence, then reads its rows when asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from analytics.lazily import pd
from analytics.services.prices.reading.calendars import micros_of
from analytics.services.prices.reading.decisions import Decision, Reject, Rejects
from analytics.services.prices.reading.evidence import Evidence, decided, first_look
from analytics.services.prices.reading.meaning.columns import choose_columns
from analytics.services.prices.reading.opening import Source, open_table
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.pivots import joined, pivoted
from analytics.services.prices.reading.rows import QuoteBlock, Readings, no_quotes, read_block
from analytics.services.prices.reading.sources.tables import Table
from analytics.services.prices.reading.words.names import plain_key

PREVIEW_ROWS = 5
_PREVIEW_BLOCKS = 8
#: (rows read so far, all of them or None while unknown)
Progress = Callable[[int, int | None], None]


@dataclass
class Reading:
    """A source that has been understood. Nothing is held of it but what was decided: every call of
    `blocks` reads it anew. `rows`: how many the source has. `settings`: what a market remembers,
    for ReadOptions.remembered. `rejects`, and the counts `read`, `used`, `left_out` (rows of other
    markets), are of the last complete pass over `blocks`."""

    name: str
    decisions: tuple[Decision, ...]
    settings: dict[str, Any]
    rows: int
    _table: Table
    _how: Readings
    _now: int
    rejects: Rejects = field(default_factory=Rejects)
    read: int = 0
    used: int = 0
    left_out: int = 0

    def blocks(self, on_progress: Progress | None = None) -> Iterator[QuoteBlock]:
        """The rows in the order of the source, block by block (see QuoteBlock). Where a column says
        which side a row is of, the two sides of a moment become one row (see pivots)."""
        blocks = self._blocks(on_progress)
        yield from blocks if self._how.plan.side is None else pivoted(blocks)

    def _blocks(self, on_progress: Progress | None = None) -> Iterator[QuoteBlock]:
        """The rows as the source has them, counted."""
        rejects, read, used, left_out, first = Rejects(), 0, 0, 0, 0
        for block in self._table.blocks(self._how.plan.columns):
            found = read_block(block, first, self._how, self._now)
            first += len(block.rows)
            rejects.add(found.rejects)
            read, used = read + found.read, used + len(found.rows)
            left_out += found.left_out
            if on_progress is not None:
                on_progress(read, None)
            yield found
        self.rejects, self.read, self.used, self.left_out = rejects, read, used, left_out

    def frame(self) -> pd.DataFrame:
        """All rows at once; for sources that are known to be small."""
        frames = [block.rows for block in self.blocks()]
        return joined(frames) if frames else no_quotes()

    def preview(self, count: int = PREVIEW_ROWS) -> tuple[pd.DataFrame, list[Reject]]:
        """The first rows as they will be stored, and the rejects before and among them."""
        frames: list[pd.DataFrame] = []
        rejects: list[Reject] = []
        first = islice(dataclasses.replace(self)._blocks(), _PREVIEW_BLOCKS)
        for block in first if self._how.plan.side is None else pivoted(first):
            frames.append(block.rows)
            rejects += block.rejects
            if sum(map(len, frames)) >= count:
                break
        rows = joined(frames) if frames else no_quotes()
        return rows.head(count), rejects[:count]

    @property
    def enough(self) -> bool:
        """Whether at least half of what was wanted could be used."""
        wanted = self.read - self.left_out
        return self.used > 0 and 2 * self.used >= wanted

    def summary(self) -> list[str]:
        """Counts and reasons, a line each."""
        counts = _("%(read)s rows read, %(used)s good, %(bad)s rejected") % {
            "read": self.read,
            "used": self.used,
            "bad": self.rejects.total,
        }
        if self.left_out:
            counts += ", " + _("%(count)s of other markets left out") % {"count": self.left_out}
        return [counts, *self.rejects.lines()]


def read_quotes(
    source: Source, options: ReadOptions | None = None, *, name: str = "data"
) -> Reading:
    """Understand a source of quotes: a path, the bytes of a file, or parsed JSON (`name` is for
    messages about the latter two).

    Raises InvalidInput: no_file, empty_file, bad_file, bad_header, bad_option, bad_market,
    market_required, market_given_twice, single_offers; and where the source leaves something open
    ambiguous_decimal, _date, _sides, _columns, _market, _sheet: the message shows the readings,
    `details["option"]` and `details["choices"]` say how to choose.

    >>> data = b"fecha;compra;venta\\n13/03/2025 10:30;11,50;11,60\\n"
    >>> reading = read_quotes(data, ReadOptions(market="USDT/BOB@casa", tz="America/La_Paz"))
    >>> print(reading.frame()[["timestamp", "bid", "ask"]].to_string(index=False))
                    timestamp  bid  ask
    2025-03-13 14:30:00+00:00 11.5 11.6
    >>> [decision.chosen for decision in reading.decisions if decision.option == "decimal"]
    ['decimal comma']
    >>> reading.summary()
    ['1 rows read, 1 good, 0 rejected']
    """
    options = options or ReadOptions()
    decisions: list[Decision] = []
    table = open_table(source, name, options, decisions)
    options = _with_remembered_columns(options, table, decisions)
    plan = choose_columns(table, options, decisions)
    found = first_look(table, plan, options)
    how = decided(found, table, plan, options, decisions)
    return Reading(
        name=table.name,
        decisions=tuple(decisions),
        settings=_settings(how, found, options),
        rows=found.rows,
        _table=table,
        _how=how,
        _now=micros_of(options.clock),
    )


def _with_remembered_columns(
    options: ReadOptions, table: Table, decisions: list[Decision]
) -> ReadOptions:
    """The columns of the last time, if nothing was said and all of them are there."""
    columns = options.remembered.get("columns") or {}
    keys = {plain_key(name) for name in table.layout.names}
    if (
        options.columns
        or not columns
        or not all(plain_key(c) in keys or c == "" for c in columns.values())
    ):
        return options
    shown = ", ".join(f"{role}={name}" for role, name in columns.items())
    decisions.append(Decision(_("columns"), shown, _("as the last time"), "columns"))
    return dataclasses.replace(options, columns=columns)


def _settings(how: Readings, found: Evidence, options: ReadOptions) -> dict[str, Any]:
    """What a market remembers of this reading, ready for JSON: what was asked for, or what the
    source said for certain; never what was assumed."""
    marks = set(how.marks.values())
    told = any(number.point or number.comma for number in found.numbers.values())
    asked = options.decimal or options.remembered.get("decimal")
    settings: dict[str, Any] = {
        "decimal": marks.pop() if len(marks) == 1 and told else asked,
        "date_format": how.pattern or (how.order if found.time.ordered else None),
        "tz": options.tz or options.remembered.get("tz"),
        "columns": dict(options.columns),
        "sides": {side: how.sides[side] for side in ("buy", "sell") if side in how.sides},
    }
    return {key: value for key, value in settings.items() if value}
