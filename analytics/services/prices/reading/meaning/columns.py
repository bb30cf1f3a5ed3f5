"""Which column is what: by its name, if its cells agree; where several are equally good, it stops."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.decisions import Choice, Decision, undecided
from analytics.services.prices.reading.meaning.contents import ColumnContent, column_content
from analytics.services.prices.reading.meaning.headerless import headerless_plan
from analytics.services.prices.reading.meaning.names import ColumnName, column_name, plain_key
from analytics.services.prices.reading.meaning.plan import SIDE_PARTS, UNSURE, ColumnPlan
from analytics.services.prices.reading.meaning.sides import SIDE_WORDS
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.refusals import bad_header
from analytics.services.prices.reading.sources.tables import Table

_MARKET = ("asset", "fiat", "exchange", "symbol", "money", "place")
_MOST_PLACES = 100
#: Exports whose names would mislead: the keys they have -> role of each column, sides' words.
_KNOWN: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    (  # binance-p2p-tracker: a row per side, seen from who buys
        {
            "fechautc": "time", "fiat": "fiat", "lado": "side", "mejorpreciolimpio": "price",
            "liquideztotalusdt": "volume", "cantidadanuncios": "offers",
        },
        {"compra": "ask", "venta": "bid"},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class _Seen:
    """Names and contents of the columns, and what the caller said."""

    names: list[ColumnName]
    contents: list[ColumnContent]
    options: ReadOptions

    def of(self, role: str, fits: Callable[[ColumnContent], bool]) -> list[int]:
        """Columns of this role whose cells fit or are blank, those without a rival first; where no
        cell fits, those of the name alone."""
        named = [n for n, name in enumerate(self.names) if name.role == role]
        left_out = self.options.columns.get(role) == ""
        return (
            []
            if left_out
            else [n for n in named if not self.contents[n].filled or fits(self.contents[n])]
        )

    def shown(self, place: int) -> str:
        return self.names[place].text or str(place + 1)


def choose_columns(table: Table, options: ReadOptions, decisions: list[Decision]) -> ColumnPlan:
    """Raises InvalidInput: bad_header, bad_option, ambiguous_columns, ambiguous_sides."""
    seen = _look(table, options)
    words = _asked_words(seen)
    asked = {
        role: _asked(seen, name)
        for role, name in options.columns.items()
        if name and name.lower() not in words
    }
    if table.layout.header is None and not asked:
        plan = headerless_plan(seen.contents, table.sample)
        decisions += _said(seen, plan, _("by what the figures are to each other"))
        return plan
    plan = (None if asked else _known(seen)) or _chosen(seen, asked)
    if words:
        plan = dataclasses.replace(plan, sides=words)
    decisions += _said(seen, plan, _("by the names in the header"))
    return plan


def _look(table: Table, options: ReadOptions) -> _Seen:
    names = []
    for text, hints in zip(table.layout.names, table.layout.hints, strict=True):
        name = column_name(text)
        for hint in map(column_name, hints):
            name = _merged(name, hint)
        names.append(name)
    cells = zip(*table.sample, strict=True) if table.sample else [()] * len(names)
    return _Seen(names, [column_content(column) for column in cells], options)


def _merged(name: ColumnName, hint: ColumnName) -> ColumnName:
    """What another row of the header adds: a role where there was none, units, the clock."""
    own = name.role not in ("", "unit") and not (name.role == "price" and hint.role == "time")
    return ColumnName(
        name.text or hint.text,
        name.role if own or hint.role in ("", "unit") else hint.role,
        name.rank,
        name.units | hint.units,
        name.utc or hint.utc,
        name.zone or hint.zone,
        name.order or hint.order,
    )


def _asked(seen: _Seen, wanted: str) -> int:
    """The column of a name, or of a number from 1."""
    keys = [name.key for name in seen.names]
    exact = [n for n, name in enumerate(seen.names) if name.text == wanted]
    found = exact or [n for n, key in enumerate(keys) if key == plain_key(wanted)]
    if not found and wanted.isdigit() and 1 <= int(wanted) <= len(keys):
        found = [int(wanted) - 1]
    if len(found) == 1:
        return found[0]
    raise InvalidInput(
        _("There is no one column %(name)s; the columns are: %(names)s.")
        % {"name": wanted, "names": ", ".join(seen.shown(n) for n in range(len(keys)))},
        "bad_option",
        {"columns": _("name one of the columns, or its number")},
    )


def _asked_words(seen: _Seen) -> dict[str, str]:
    """Words of the side column that the caller calls bid or ask (--columns bid=buy,ask=sell)."""
    place = _side(seen)
    texts = set() if place is None else {text.lower() for text in seen.contents[place].texts}
    names = {role: name.lower() for role, name in seen.options.columns.items()}
    return {names[role]: role for role in ("bid", "ask") if names.get(role) in texts}


def _known(seen: _Seen) -> ColumnPlan | None:
    keys = {name.key: place for place, name in enumerate(seen.names)}
    for roles, sides in _KNOWN:
        if roles.keys() <= keys.keys():
            places = {role: keys[key] for key, role in roles.items()}
            figures = {role: places[role] for role in ("price", "volume", "offers")}
            market = {"fiat": places["fiat"]}
            return ColumnPlan(places["time"], None, figures, places["side"], sides, market)
    return None


def _chosen(seen: _Seen, asked: dict[str, int]) -> ColumnPlan:
    time, clock = _time(seen, asked)
    market = {role: found[0] for role in _MARKET if (found := _keys(seen, role, asked))}
    side = asked.get("side", _side(seen))
    figures = _figures(seen, asked, time, long=side is not None)
    if side is not None and not {"price", "bid", "ask"} & figures.keys():
        side = None
    if not {"bid", "ask", "price", "buy"} & figures.keys():
        raise bad_header([name.text for name in seen.names], _missing("price"))
    if set(figures) & {"bid", "ask", "buy"}:
        side = None
        figures.pop("offers", None)
    return ColumnPlan(time, clock, figures, side, {}, market)


def _missing(what: str) -> str:
    if what == "time":
        return _("no column of times: name one timestamp, or say which: --columns time=NAME")
    return _(
        "no column of prices: name one price, or bid and ask, or say which: --columns price=NAME"
    )


# ------------------------------------------------------------------------------------------- times
def _time(seen: _Seen, asked: dict[str, int]) -> tuple[int, int | None]:
    """The column of the moment, and of its clock where the hour stands apart."""
    if "time" in asked:
        return asked["time"], asked.get("clock")
    named = [n for n, name in enumerate(seen.names) if name.role == "time"]
    good = [n for n in named if seen.contents[n].may_be_time]
    good = good or [
        n for n, c in enumerate(seen.contents) if c.is_time and seen.names[n].role in ("", "unit")
    ]
    good = good or [n for n in named if not seen.contents[n].is_clock]
    if not good:
        raise bad_header([name.text for name in seen.names], _missing("time"))

    def order(place: int) -> tuple[bool, int, bool, int]:
        name, content = seen.names[place], seen.contents[place]
        return not name.utc, name.rank, content.zoned < 1, place

    time = min(good, key=order)
    clocks = [n for n in named if seen.contents[n].is_clock or _hours(seen, n, time)]
    apart = clocks and seen.contents[time].dates == 1
    return time, asked.get("clock", clocks[0] if apart else None)


def _hours(seen: _Seen, place: int, time: int) -> bool:
    """Whether a column named as a time holds hours: 0 to 24, or 930, 1530, 153000."""
    content = seen.contents[place]
    return place != time and content.whole and not content.may_be_time and content.filled > 0


# ----------------------------------------------------------------------------------------- figures
def _figures(seen: _Seen, asked: dict[str, int], time: int, *, long: bool) -> dict[str, int]:
    figures = {
        role: place
        for role, place in asked.items()
        if role not in ("time", "clock", "side", *_MARKET)
    }
    sides = _sides(seen, figures)
    for side in sides:
        for part in SIDE_PARTS:
            role = side + part
            if role not in figures and (found := _one(seen, role, time)) is not None:
                figures[role] = found
    if long or not figures.keys() & {"bid", "ask", "price"}:
        role_price = _price(seen, time, strict=not figures.keys() & {"bid", "ask", "buy"})
    else:
        role_price = _price(seen, time, strict=False)
    if "price" not in figures and role_price is not None:
        figures["price"] = role_price
    for role in ("volume", "offers"):
        if role not in figures and (found := _one(seen, role, time, strict=False)) is not None:
            figures[role] = found
    if not long:
        figures.pop("offers", None)
    return figures


def _sides(seen: _Seen, asked: dict[str, int]) -> tuple[str, ...]:
    """The names of sides that this table uses."""
    if asked.keys() & {"bid", "ask"}:
        return ("bid", "ask")
    if any(seen.of(side, _number) for side in ("bid", "ask")):
        return ("bid", "ask")
    there = [
        side for side in UNSURE if any(seen.contents[n].filled for n in seen.of(side, _number))
    ]
    if len(there) == 1 and "price" not in asked:
        place = seen.of(there[0], _number)[0]
        shown = seen.shown(place)
        raise undecided(
            "ambiguous_sides",
            _("The file has one side, %(name)s, and does not say of which.") % {"name": shown},
            "columns",
            [
                Choice(f"{role}={shown}", _("it is the %(role)s") % {"role": role})
                for role in ("bid", "ask", "price")
            ],
        )
    return UNSURE if len(there) == 2 else ()


def _number(content: ColumnContent) -> bool:
    return content.is_number


def _only_number(content: ColumnContent) -> bool:
    return content.is_number and not content.is_time


def _one(seen: _Seen, role: str, time: int, *, strict: bool = True) -> int | None:
    """The best column of a role; several equally good ones stop, or the first is taken."""
    fits = [n for n in seen.of(role, _number) if n != time]
    named = [n for n, name in enumerate(seen.names) if name.role == role]
    if not fits and strict and role in ("bid", "ask") and seen.options.columns.get(role) != "":
        fits = named  # its cells are then refused one by one, with the reason
    if role.endswith("volume") and (asset := seen.options.parts.get("asset")):
        fits = [n for n in fits if not seen.names[n].units or asset.lower() in seen.names[n].units]
    if not fits:
        return None
    rank = min(seen.names[n].rank for n in fits)
    best = [n for n in fits if seen.names[n].rank == rank]
    best = _of_market(seen, best) if len(best) > 1 else best
    if len(best) > 1 and strict:
        raise _several(seen, role, best)
    return best[0]


def _of_market(seen: _Seen, places: list[int]) -> list[int]:
    """Those of several columns whose currencies are the market's."""
    parts = {seen.options.parts.get(role, "").lower() for role in ("asset", "fiat")} - {""}
    scores = [len(seen.names[n].units & parts) for n in places]
    return [n for n, score in zip(places, scores, strict=True) if score == max(scores)]


def _several(seen: _Seen, role: str, places: Sequence[int]) -> InvalidInput:
    names = [seen.shown(n) for n in places]
    return undecided(
        "ambiguous_columns",
        _("Several columns may be the %(role)s: %(names)s.")
        % {"role": role, "names": ", ".join(names[:8])},
        "columns",
        [Choice(f"{role}={name}", _("only this one")) for name in names[:8]],
    )


def _price(seen: _Seen, time: int, *, strict: bool) -> int | None:
    """The column of the price without a side. `strict`: there are no sides, so it is needed."""
    if seen.options.columns.get("price") == "":
        return None
    if (found := _one(seen, "price", time, strict=strict)) is not None or not strict:
        return found
    fiat = seen.options.parts.get("fiat", "").lower()
    wide = [*seen.of("unit", _only_number), *seen.of("", _only_number)]
    units = [n for n in wide if fiat in seen.names[n].units]
    units = _of_market(seen, units) if len(units) > 1 else units
    plain = [n for n in seen.of("", _only_number) if n != time and seen.contents[n].filled]
    others = units or plain or [n for n in seen.of("unit", _only_number) if n != time]
    if len(others) > 1:
        raise _several(seen, "price", others)
    if others:
        return others[0]
    named = [n for n, name in enumerate(seen.names) if name.role == "price" and n != time]
    return named[0] if named else None


# ----------------------------------------------------------------------------------- side, market
def _side(seen: _Seen) -> int | None:
    """A column whose every cell is the name of a side."""
    places = [n for n, name in enumerate(seen.names) if name.role == "side"]
    for place in places:
        texts = {text.lower() for text in seen.contents[place].texts}
        if texts and texts <= SIDE_WORDS.keys():
            return None if seen.options.columns.get("side") == "" else place
    return None


def _keys(seen: _Seen, role: str, asked: dict[str, int]) -> list[int]:
    """Columns that name the market, or a part of it."""
    if role in asked:
        return [asked[role]]
    return [n for n in seen.of(role, lambda content: content.is_text) if seen.contents[n].filled]


def _said(seen: _Seen, plan: ColumnPlan, why: str) -> list[Decision]:
    used = {"time": plan.time, "clock": plan.clock, "side": plan.side} | dict(plan.figures)
    chosen = ", ".join(f"{role}={seen.shown(n)}" for role, n in used.items() if n is not None)
    left = [seen.shown(n) for n in range(len(seen.names)) if n not in plan.columns]
    if left:
        shown = ", ".join(left[:12]) + (", …" if len(left) > 12 else "")
        why += "; " + _("not used: %(names)s") % {"names": shown}
    return [Decision(_("columns"), chosen, why, "columns")]
