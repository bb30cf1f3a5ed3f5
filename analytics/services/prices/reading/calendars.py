"""Whether the day or the month stands first: decided for the whole file."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.lazily import np, pa
from analytics.services.prices.reading.cells.kinds import BAD, DATE, NAIVE, ZONED, Moments
from analytics.services.prices.reading.cells.moments import read_moments, read_orders
from analytics.services.prices.reading.courses import TimeCourse
from analytics.services.prices.reading.decisions import Choice, Decision, undecided
from analytics.services.prices.reading.options import DATE_ORDERS, ReadOptions
from analytics.services.prices.reading.quotes import EARLIEST

#: How far ahead of the clock a local time may lie, whose zone is not known yet.
LOCAL_AHEAD = dt.timedelta(days=1)
_CONTRADICTION = 0.1
_SECOND = 1_000_000


def micros_of(moment: dt.datetime) -> int:
    """Microseconds since 1970."""
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


@dataclass
class TimeEvidence:
    """What the cells of the time column are. `good`: order of day and month -> cells that are a
    time between 2009 and now under it; `any`: cells that are one under some order; `shown`: two
    orders -> a cell that is another day under each; `courses`: order -> how the times follow each
    other under it."""

    now: dt.datetime
    pattern: str | None = None
    good: Counter[str] = field(default_factory=Counter)
    any: int = 0
    ordered: bool = False
    shown: dict[tuple[str, str], str] = field(default_factory=dict)
    courses: dict[str, TimeCourse] = field(
        default_factory=lambda: {order: TimeCourse() for order in DATE_ORDERS}
    )

    def add(self, cells: pa.Array) -> None:
        """Look at a block of the column."""
        found = (
            read_orders(cells, DATE_ORDERS)
            if self.pattern is None
            else dict.fromkeys(DATE_ORDERS, read_times(cells, "dmy", self.pattern))
        )
        first = found["dmy"]
        likely = {order: self._likely(moments) for order, moments in found.items()}
        self.good.update({order: int(mask.sum()) for order, mask in likely.items()})
        self.any += int(np.logical_or.reduce(list(likely.values())).sum())
        for pair in combinations(DATE_ORDERS, 2) if first.ordered else ():
            one, other = (found[order] for order in pair)
            differ = likely[pair[0]] & likely[pair[1]] & (one.micros != other.micros)
            if differ.any():
                self.shown.setdefault(pair, cells[int(np.argmax(differ))].as_py())
        self.ordered |= first.ordered
        for order, moments in found.items():
            self.courses[order].add(cells, moments)

    def _likely(self, moments: Moments) -> np.ndarray:
        last = micros_of(self.now + LOCAL_AHEAD)
        return moments.good & (moments.micros >= micros_of(EARLIEST)) & (moments.micros <= last)


def read_times(cells: pa.Array, order: str, pattern: str | None) -> Moments:
    """The column under a pattern of strptime, if there is one; else under an order."""
    if pattern is None or not pa.types.is_string(cells.type):
        return read_moments(cells, order)
    out = Moments.nothing(len(cells))
    for place, text in enumerate(cells.to_pylist()):
        try:
            found = dt.datetime.strptime((text or "").strip(), pattern)
        except ValueError:
            continue
        zoned = found.tzinfo is not None
        out.micros[place] = micros_of(found if zoned else found.replace(tzinfo=dt.UTC))
        clock = any(sign in pattern for sign in ("%H", "%I", "%X", "%c", "%T"))
        out.kind[place] = ZONED if zoned else NAIVE if clock else DATE
    return out


def date_order(
    evidence: TimeEvidence, options: ReadOptions, hint: str | None, decisions: list[Decision]
) -> str:
    """dmy, mdy or ymd; raises InvalidInput (ambiguous_date) where the file leaves it open."""
    if options.date_format in DATE_ORDERS:
        if evidence.ordered:
            decisions.append(_decision(options.date_format, _("as asked for")))
        return options.date_format
    if not evidence.ordered:
        return "dmy"
    least = min(evidence.any - evidence.good[order] for order in DATE_ORDERS)
    if least > _CONTRADICTION * evidence.any:
        raise _contradiction(evidence)
    fits = [order for order in DATE_ORDERS if evidence.any - evidence.good[order] == least]
    if len(fits) == 1:
        why = _("only so are all dates possible and none in the future")
        decisions.append(_decision(fits[0], why))
        return fits[0]
    for order, why in (
        (hint, _("the header says so")),
        (options.remembered.get("date_format"), _("as the last time")),
    ):
        if order in fits:
            decisions.append(_decision(order, why))
            return order
    shown = [evidence.shown[pair] for pair in combinations(fits, 2) if pair in evidence.shown]
    if not shown:  # every date is the same under each
        return fits[0]
    raise _open(shown[0], fits)


def _decision(order: str, why: str) -> Decision:
    named = {
        "dmy": _("day, month, year"),
        "mdy": _("month, day, year"),
        "ymd": _("year, month, day"),
    }
    return Decision(_("dates"), named[order], why, "date_format", DATE_ORDERS)


def _day(shown: str, order: str) -> str:
    moments = read_moments(pa.array([shown], pa.string()), order)
    if moments.kind[0] == BAD:
        return "?"
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(moments.micros[0]))
    return moment.date().isoformat()


def _open(shown: str, fits: list[str]) -> InvalidInput:
    return undecided(
        "ambiguous_date",
        _("%(cell)s may be several days, and no other date of the file tells which.")
        % {"cell": shown},
        "date_format",
        [Choice(order, f"{shown} = {_day(shown, order)}") for order in fits],
    )


def _contradiction(evidence: TimeEvidence) -> InvalidInput:
    return undecided(
        "ambiguous_date",
        _("Some dates have the day first, others the month."),
        "date_format",
        [
            Choice(
                order,
                _("%(count)s of %(all)s can be read so")
                % {"count": evidence.good[order], "all": evidence.any},
            )
            for order in ("dmy", "mdy")
        ],
    )
