"""Which column is what: by its name, if its cells agree; where several are as good, it stops."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext as _

from analytics.services.prices.reading.decisions import Decision
from analytics.services.prices.reading.meaning.figures import figure_columns
from analytics.services.prices.reading.meaning.headerless import headerless_plan
from analytics.services.prices.reading.meaning.plan import ColumnPlan
from analytics.services.prices.reading.meaning.seen import Seen, asked_column, look
from analytics.services.prices.reading.meaning.sides import SIDE_WORDS
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.refusals import bad_header
from analytics.services.prices.reading.sources.tables import Table

_MARKET = ("asset", "fiat", "exchange", "symbol", "money", "place")
_MOST_NAMED = 12
#: Exports whose names would mislead: the keys that they have -> the role of each column, and what
#: the words for their sides mean.
_KNOWN: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    (  # binance-p2p-tracker: a row per side, seen from who buys
        {
            "fechautc": "time", "fiat": "fiat", "lado": "side", "mejorpreciolimpio": "price",
            "liquideztotalusdt": "volume", "cantidadanuncios": "offers",
        },
        {"compra": "ask", "venta": "bid"},
    ),
)  # fmt: skip


def choose_columns(table: Table, options: ReadOptions, decisions: list[Decision]) -> ColumnPlan:
    """Raises InvalidInput: bad_header, bad_option, ambiguous_columns, ambiguous_sides."""
    seen = look(table, options)
    words = _asked_words(seen)
    asked = {
        role: asked_column(seen, name)
        for role, name in options.columns.items()
        if name and name.lower() not in words
    }
    if table.layout.header is None and not asked:
        plan = headerless_plan(seen.contents, table.sample)
        why = _("by what the figures are to each other")
    else:
        plan = (None if asked else _known(seen)) or _chosen(seen, asked)
        why = _("by the names in the header")
    kept = {role: n for role, n in plan.figures.items() if options.columns.get(role) != ""}
    plan = dataclasses.replace(plan, figures=kept, sides=words or plan.sides)
    decisions.append(_said(seen, plan, why))
    return plan


def _asked_words(seen: Seen) -> dict[str, str]:
    """Words of the side column that the caller calls bid or ask (--columns bid=buy,ask=sell)."""
    place = _side(seen)
    texts = set() if place is None else {text.lower() for text in seen.contents[place].texts}
    names = {role: name.lower() for role, name in seen.options.columns.items()}
    return {names[role]: role for role in ("bid", "ask") if names.get(role) in texts}


def _known(seen: Seen) -> ColumnPlan | None:
    keys = {name.key: place for place, name in enumerate(seen.names)}
    for roles, sides in _KNOWN:
        if roles.keys() <= keys.keys():
            places = {role: keys[key] for key, role in roles.items()}
            figures = {role: places[role] for role in ("price", "volume", "offers")}
            market = {"fiat": places["fiat"]}
            return ColumnPlan(places["time"], None, figures, places["side"], sides, market)
    return None


def _chosen(seen: Seen, asked: dict[str, int]) -> ColumnPlan:
    time, clock = _time(seen, asked)
    market = {role: found for role in _MARKET if (found := _key(seen, role, asked)) is not None}
    side = asked.get("side", _side(seen))
    figures = figure_columns(seen, asked, time, long=side is not None)
    if not figures.keys() & {"bid", "ask", "price", "buy"}:
        raise bad_header([name.text for name in seen.names], _missing("price"))
    if figures.keys() & {"bid", "ask", "buy"}:  # every row has both sides
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
def _time(seen: Seen, asked: dict[str, int]) -> tuple[int, int | None]:
    """The column of the moment, and of its clock where the hour stands apart."""
    if "time" in asked:
        return asked["time"], asked.get("clock")
    named = seen.named("time")
    good = [n for n in named if seen.contents[n].may_be_time]
    good = good or [n for n in seen.named("", "unit") if seen.contents[n].is_time]
    good = good or [n for n in named if not seen.contents[n].is_clock]
    if not good:
        raise bad_header([name.text for name in seen.names], _missing("time"))

    def order(place: int) -> tuple[bool, int, bool, int]:
        name, content = seen.names[place], seen.contents[place]
        return not name.utc, name.rank, content.zoned < 1, place

    time = min(good, key=order)
    clocks = [n for n in named if n != time and _is_clock(seen, n)]
    apart = clocks and seen.contents[time].dates == 1
    return time, asked.get("clock", clocks[0] if apart else None)


def _is_clock(seen: Seen, place: int) -> bool:
    """Whether a column named as a time holds hours: 10:30, or 0 to 24, or 930, 1530, 153000."""
    content = seen.contents[place]
    return content.is_clock or (content.whole and not content.may_be_time)


# ----------------------------------------------------------------------------------- side, market
def _side(seen: Seen) -> int | None:
    """A column that says which side a row is of: named so and with a side in it (what is none is
    refused row by row), or of another name and with nothing but sides in it."""
    texts = [{text.lower() for text in content.texts} for content in seen.contents]
    for place in seen.named("side"):
        if texts[place] & SIDE_WORDS.keys():
            return place
    for place in seen.named("") if seen.options.columns.get("side") != "" else []:
        if texts[place] and texts[place] <= {word for word in SIDE_WORDS if len(word) > 1}:
            return place
    return None


def _key(seen: Seen, role: str, asked: dict[str, int]) -> int | None:
    """The column that names the market, or a part of it."""
    texts = [n for n in seen.named(role) if seen.contents[n].is_text]
    return asked.get(role, texts[0] if texts else None)


def _said(seen: Seen, plan: ColumnPlan, why: str) -> Decision:
    used = {"time": plan.time, "clock": plan.clock, "side": plan.side} | dict(plan.figures)
    chosen = ", ".join(f"{role}={seen.shown(n)}" for role, n in used.items() if n is not None)
    left = [seen.shown(n) for n in range(len(seen.names)) if n not in plan.columns]
    if left:
        shown = ", ".join(left[:_MOST_NAMED]) + (", …" if len(left) > _MOST_NAMED else "")
        why += "; " + _("not used: %(names)s") % {"names": shown}
    return Decision(_("columns"), chosen, why, "columns")
