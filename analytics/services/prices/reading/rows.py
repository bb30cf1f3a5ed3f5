"""A block of a table -> rows as they will be stored, and what is wrong with the others.

A figure is kept as it was quoted or its row is refused: no digit is lost, none is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

import ml
from analytics.lazily import np, pa, pc, pd
from analytics.services.prices.reading.calendars import micros_of, read_times
from analytics.services.prices.reading.cells.kinds import BAD, LOST
from analytics.services.prices.reading.cells.numbers import read_figures
from analytics.services.prices.reading.clocks import joined_times
from analytics.services.prices.reading.decisions import Reject
from analytics.services.prices.reading.meaning.markets import MarketRule
from analytics.services.prices.reading.meaning.plan import ColumnPlan
from analytics.services.prices.reading.meaning.sides import SIDE_WORDS
from analytics.services.prices.reading.quotes import (
    AHEAD,
    EARLIEST,
    FIGURES,
    PRICES,
    out_of_range,
    symbol_problem,
)
from analytics.services.prices.reading.sources.tables import Block
from analytics.services.prices.reading.zones import FIRST, Local, to_utc


@dataclass(frozen=True)
class Readings:
    """Every decision that turns cells into rows. `marks`: figure of the plan -> decimal mark.
    `sides`: buy and sell, or words of the side column -> bid or ask. `folds`: row of the source ->
    its time of a doubled hour."""

    plan: ColumnPlan
    marks: Mapping[str, str]
    order: str
    pattern: str | None
    zone: str
    market: MarketRule
    sides: Mapping[str, str] = field(default_factory=dict)
    folds: Mapping[int, int] = field(default_factory=dict)
    needs_price: bool = True


@dataclass
class _Checked:
    """The first reason against each row of a block."""

    reasons: dict[int, str] = field(default_factory=dict)

    def refuse(self, name: str, mask: np.ndarray, reason: str) -> None:
        for place in np.flatnonzero(mask).tolist():
            self.reasons.setdefault(place, f"{name}: {reason}")


@dataclass(frozen=True)
class QuoteBlock:
    """`rows`: symbol (category), timestamp (aware UTC, microseconds), every figure (float64, NaN
    unknown), the number of the source's row as index. `rejects`: the others. `read` counts both and
    `left_out`, rows of other markets. `times`: the cells that the timestamps were read from."""

    rows: pd.DataFrame
    rejects: list[Reject]
    read: int
    left_out: int
    times: pa.Array


def no_quotes() -> pd.DataFrame:
    """The rows of a source that has none."""
    frame = pd.DataFrame({name: np.empty(0) for name in FIGURES}, index=pd.Index([], name="row"))
    frame.insert(0, "timestamp", pd.DatetimeIndex([], tz="UTC").as_unit("us"))
    frame.insert(0, "symbol", pd.Categorical([], pd.Index([], dtype="str")))
    return frame


def time_cells(plan: ColumnPlan, block: Block) -> pa.Array:
    """The column of times, its hours joined to it."""
    dates = block.cells[plan.time]
    return dates if plan.clock is None else joined_times(dates, block.cells[plan.clock])


def market_cells(plan: ColumnPlan, block: Block) -> dict[str, pa.Array]:
    """Role -> the cells of the columns that name the market."""
    return {role: block.cells[place] for role, place in plan.market.items()}


def read_block(block: Block, first: int, how: Readings, now: int) -> QuoteBlock:
    """Rows of a block whose first row is the `first` of the source; `now` in microseconds."""
    blank = _blank(block)
    keep = how.market.wanted(market_cells(how.plan, block), len(block.rows))
    checked = _Checked()
    local = _times(block, first, how, checked, now)
    figures = _figures(block, how, checked)
    codes, symbols = how.market.symbols(market_cells(how.plan, block), len(block.rows))
    for code, symbol in enumerate(symbols):
        if symbol and (why := symbol_problem(symbol)):
            checked.refuse("market", codes == code, why)
    wrong = [place for place in sorted(checked.reasons) if keep[place] and not blank[place]]
    good = keep & ~blank
    good[wrong] = False
    frame = pd.DataFrame(figures, index=pd.Index(block.rows, name="row"))[good]
    stamps = pd.DatetimeIndex(local.micros[good].astype("datetime64[us]")).tz_localize("UTC")
    frame.insert(0, "timestamp", stamps)
    frame.insert(
        0, "symbol", pd.Categorical.from_codes(codes[good], pd.Index(symbols, dtype="str"))
    )
    rejects = [Reject(int(block.rows[n]), checked.reasons[n], block.text(n)) for n in wrong]
    left = int((~keep & ~blank).sum())
    read = int((~blank).sum()) + len(block.torn)
    times = time_cells(how.plan, block).filter(pa.array(good))
    rejects = sorted(rejects + block.torn, key=lambda reject: reject.row)
    return QuoteBlock(frame, rejects, read, left, times)


def _blank(block: Block) -> np.ndarray:
    """Rows without anything in them, which say nothing."""
    blank = np.ones(len(block.rows), dtype=bool)
    for cells in block.cells.values():
        blank &= pc.is_null(cells).to_numpy(zero_copy_only=False)
    return blank


# ------------------------------------------------------------------------------------------- times
def _times(block: Block, first: int, how: Readings, checked: _Checked, now: int) -> Local:
    moments = read_times(time_cells(how.plan, block), how.order, how.pattern)
    folds = None
    if how.folds:
        folds = np.array([how.folds.get(first + n, FIRST) for n in range(len(moments.micros))])
    local = to_utc(moments, how.zone, folds)
    name = "timestamp"
    checked.refuse(name, moments.kind == BAD, _("not an ISO 8601 time, nor another that is known"))
    checked.refuse(
        name, moments.kind == LOST, _("its last digits are missing (1.74E+09); export them all")
    )
    checked.refuse(
        name, local.gap, _("the clock left this hour out in %(zone)s") % {"zone": how.zone}
    )
    unknown = np.zeros(len(local.twice), dtype=bool)
    for place in np.flatnonzero(local.twice).tolist():
        unknown[place] = first + place not in how.folds
    checked.refuse(
        name,
        unknown,
        _("this hour stood twice in %(zone)s, and the order of the rows does not tell which")
        % {"zone": how.zone},
    )
    known = moments.good
    checked.refuse(name, known & (local.micros < micros_of(EARLIEST)), _("before 2009"))
    late = now + AHEAD.total_seconds() * 1e6
    checked.refuse(name, known & (local.micros > late), _("in the future"))
    return local


# ----------------------------------------------------------------------------------------- figures
def _figures(block: Block, how: Readings, checked: _Checked) -> dict[str, np.ndarray]:
    """Every figure of a quote, in its own column."""
    rows = len(block.rows)
    out = {name: np.full(rows, np.nan) for name in FIGURES}
    side = _row_sides(block, how, checked)
    for role, place in how.plan.figures.items():
        found = read_figures(block.cells[place], how.marks[role])
        for name, mask in _targets(role, side, how.sides, rows):
            out[name][mask] = found.values[mask]
            checked.refuse(name, found.wrong & mask, _("not a number"))
            checked.refuse(name, found.inexact & mask, _("more digits than can be kept"))
    for column in ml.QUOTE_SCHEMA:
        for mask, why in out_of_range(column, out[column.name]):
            checked.refuse(column.name, mask, why)
    empty = np.logical_and.reduce([np.isnan(out[name]) for name in PRICES])
    bare = empty & ~np.isin(np.arange(rows), list(checked.reasons)) & how.needs_price
    checked.refuse("price", bare, _("no price at all: give bid, ask or price"))
    return out


def _row_sides(block: Block, how: Readings, checked: _Checked) -> np.ndarray | None:
    """bid or ask of each row, "" where the word is none; None where rows have no side."""
    if how.plan.side is None:
        return None
    words = block.cells[how.plan.side].to_pylist()
    side = np.array([_side_of(str(word or ""), how.sides) for word in words])
    checked.refuse("side", side == "", _("neither bid nor ask"))
    return side


def _side_of(word: str, sides: Mapping[str, str]) -> str:
    plain = word.strip().lower()
    found = sides.get(plain) or SIDE_WORDS.get(plain, "")
    return sides.get(found, found if found in ("bid", "ask") else "")


def _targets(
    role: str, side: np.ndarray | None, sides: Mapping[str, str], rows: int
) -> list[tuple[str, np.ndarray]]:
    """The figures that a column fills, each with the rows in which it does."""
    whole = np.ones(rows, dtype=bool)
    base, _line, part = role.partition("_")
    if base in ("buy", "sell"):
        return [(f"{sides[base]}_{part}" if part else sides[base], whole)]
    if side is None or role not in ("price", "volume", "offers"):
        return [(role, whole)]
    suffix = {"price": "", "volume": "_volume", "offers": "_offers"}[role]
    return [(name + suffix, side == name) for name in ("bid", "ask")]
