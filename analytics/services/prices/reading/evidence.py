"""The looks at a source before its rows are read: what every column says, and what follows."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.lazily import np, pd
from analytics.services.prices.reading.calendars import TimeEvidence, date_order, read_times
from analytics.services.prices.reading.cells.numbers import NumberEvidence, read_figures
from analytics.services.prices.reading.decisions import Decision
from analytics.services.prices.reading.marks import Setting, decimal_marks
from analytics.services.prices.reading.meaning.markets import MarketEvidence, market_rule
from analytics.services.prices.reading.meaning.plan import ColumnPlan
from analytics.services.prices.reading.meaning.sides import SIDE_WORDS, SideEvidence, told_apart
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.rows import Readings, market_cells, time_cells
from analytics.services.prices.reading.sources.tables import Block, Restart, Table
from analytics.services.prices.reading.words.names import ColumnName, column_name
from analytics.services.prices.reading.zones import Folds, changes_clock, time_zone, to_utc

#: Times that no person and no spreadsheet writes.
_BY_PROGRAM = re.compile(r"^\s*(\d{4}-\d\d-\d\dT\d\d:\d\d|\d{10,19}(\.\d+)?\s*$)")
_MOSTLY = 0.5


@dataclass
class Evidence:
    """What the first look found; `first` and `last` bound the times (microseconds)."""

    time: TimeEvidence
    numbers: dict[str, NumberEvidence]
    market: MarketEvidence = field(default_factory=MarketEvidence)
    rows: int = 0


def first_look(table: Table, plan: ColumnPlan, options: ReadOptions) -> Evidence:
    """Every cell of every column that matters, once."""
    while True:
        pattern = options.date_format if "%" in (options.date_format or "") else None
        numbers = {role: NumberEvidence() for role in plan.figures}
        found = Evidence(TimeEvidence(options.clock, pattern), numbers)
        try:
            for block in table.blocks(plan.columns):
                _add(found, block, plan)
            return found
        except Restart:
            continue


def _add(found: Evidence, block: Block, plan: ColumnPlan) -> None:
    found.rows += len(block.rows)
    found.time.add(time_cells(plan, block))
    for role, place in plan.figures.items():
        found.numbers[role].add(block.cells[place])
    found.market.add(market_cells(plan, block))


def decided(
    found: Evidence,
    table: Table,
    plan: ColumnPlan,
    options: ReadOptions,
    decisions: list[Decision],
) -> Readings:
    """What follows from the first look, and from a second one where it takes one. Raises
    InvalidInput where the file leaves something open."""
    name = _time_name(table, plan)
    market = market_rule(found.market, options, decisions)
    order = date_order(found.time, options, name.order, decisions)
    course = found.time.courses[order]
    zone = time_zone(course, options, (name.utc, name.zone), decisions)
    marks = decimal_marks(found.numbers, options, Setting(_by_machine(table, plan)), decisions)
    how = Readings(
        plan,
        marks,
        order,
        found.time.pattern,
        zone,
        market,
        plan.sides,
        needs_price=options.needs_price,
    )
    doubled = course.naive > 0 and changes_clock(zone, *course.span)
    if plan.unsure or plan.side is not None or doubled:
        how = _second_look(table, how, options, decisions, doubled=doubled)
    return how


def _time_name(table: Table, plan: ColumnPlan) -> ColumnName:
    """The name of the time column with what the other rows of the header add."""
    names = [table.layout.names[plan.time], *table.layout.hints[plan.time]]
    if plan.clock is not None:
        names += [table.layout.names[plan.clock], *table.layout.hints[plan.clock]]
    found = [column_name(text) for text in names if text]
    if not found:
        return column_name("")
    zone = next((name.zone for name in found if name.zone), None)
    order = next((name.order for name in found if name.order), None)
    return dataclasses.replace(found[0], utc=any(n.utc for n in found), zone=zone, order=order)


def _by_machine(table: Table, plan: ColumnPlan) -> bool:
    """Whether a program wrote the figures: it separates by commas and its times are exact."""
    times = [row[plan.time] for row in table.sample]
    exact = all(_BY_PROGRAM.match(text) for text in times if text.strip())
    return table.machine or (table.delimiter == "," and bool(times) and exact)


# --------------------------------------------------------------------------------- the second look
def _second_look(
    table: Table, how: Readings, options: ReadOptions, decisions: list[Decision], *, doubled: bool
) -> Readings:
    """Which side is which, and which rows are of the second time of a doubled hour."""
    sides, folds, first = SideEvidence(), Folds(), 0
    for block in table.blocks(how.plan.columns):
        moments = read_times(time_cells(how.plan, block), how.order, how.pattern)
        codes, _symbols = how.market.symbols(market_cells(how.plan, block), len(block.rows))
        wanted = how.market.wanted(market_cells(how.plan, block), len(block.rows))
        if doubled:
            twice = to_utc(moments, how.zone).twice & wanted
            folds.add(first, codes, moments, twice)
        if how.plan.side is not None:
            keys = pd.DataFrame({"market": codes, "moment": moments.micros})
            words = [
                SIDE_WORDS.get(str(w or "").strip().lower(), "")
                for w in block.cells[how.plan.side].to_pylist()
            ]
            good = wanted & moments.good
            prices = _prices(block, how, "price")[good]
            sides.add_long(keys[good], np.array(words)[good], prices)
        elif how.plan.unsure:
            sides.add(_prices(block, how, "buy")[wanted], _prices(block, how, "sell")[wanted])
        first += len(block.rows)
    told: Mapping[str, str] = how.sides
    if sides.offers > _MOSTLY * max(sides.rows, 1):
        raise _single_offers(sides)
    if how.plan.unsure:
        told = _told(table, how, sides, options, decisions)
    return dataclasses.replace(how, sides=told, folds=folds.told() if doubled else {})


def _prices(block: Block, how: Readings, role: str) -> np.ndarray:
    return read_figures(block.cells[how.plan.figures[role]], how.marks[role]).values


def _told(
    table: Table,
    how: Readings,
    sides: SideEvidence,
    options: ReadOptions,
    decisions: list[Decision],
) -> Mapping[str, str]:
    """buy and sell -> bid and ask; nothing to tell where the words are bid and ask themselves."""
    if how.plan.side is None:
        names = tuple(table.layout.names[how.plan.figures[side]] for side in ("buy", "sell"))
        return told_apart(sides, (names[0], names[1]), options.remembered.get("sides"), decisions)
    words = {row[how.plan.side].strip().lower() for row in table.sample} - {""}
    by_side = {SIDE_WORDS.get(word, ""): word for word in sorted(words)}
    if not by_side.keys() & {"buy", "sell"}:
        return {}
    names = by_side.get("buy", "buy"), by_side.get("sell", "sell")
    return told_apart(sides, names, options.remembered.get("sides"), decisions)


def _single_offers(sides: SideEvidence) -> InvalidInput:
    return InvalidInput(
        _(
            "The rows are single offers: %(count)s of %(rows)s share market, side and moment with "
            "another of a different price. Give one row for each side and moment."
        )
        % {"count": sides.offers, "rows": sides.rows},
        "single_offers",
        {"rows": _("condense the offers of a moment first")},
    )
