"""Which columns hold the figures of a quote: sides, prices, volumes, counts of offers."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.decisions import Choice, undecided
from analytics.services.prices.reading.meaning.contents import ColumnContent
from analytics.services.prices.reading.meaning.plan import SIDE_PARTS, UNSURE
from analytics.services.prices.reading.meaning.seen import Seen, several
from analytics.services.prices.reading.options import FIGURE_ROLES
from analytics.services.prices.reading.quotes import FIGURES


def figure_columns(
    seen: Seen, asked: Mapping[str, int], time: int, *, long: bool
) -> dict[str, int]:
    """Figure -> column (see ColumnPlan). `long`: every row is of one side, named in a column.

    Raises InvalidInput: ambiguous_columns, ambiguous_sides.
    """
    figures = {role: place for role, place in asked.items() if role in FIGURE_ROLES}
    for side in _sides(seen, figures):
        for role in (side + part for part in SIDE_PARTS):
            if role not in figures:
                _add(figures, role, _best(seen, role, time))
    for role in FIGURES[2:]:  # our own names mean what they say, whatever stands beside them
        found = [n for n in seen.named(role) if seen.names[n].text.strip().lower() == role]
        if role not in ("price", "volume") and len(found) == 1:
            _add(figures, role, found[0])
    needed = not figures.keys() & {"bid", "ask", "buy", "price"}
    if "price" not in figures:
        _add(figures, "price", _price(seen, time) if needed else _lone(seen, "price", time))
    _add(figures, "volume", _first(seen, "volume", time))
    if long:
        _add(figures, "offers", _first(seen, "offers", time))
    for role in ("bid", "ask", "buy", "sell", "price"):
        if role in figures and role not in asked and seen.foreign(figures[role]):
            raise _foreign(seen, role, figures[role])
    return figures


def _foreign(seen: Seen, role: str, place: int) -> InvalidInput:
    """The stop where the only column for a price says that it is of another market."""
    return undecided(
        "ambiguous_columns",
        _("By its name %(name)s is not of the market %(market)s.")
        % {"name": seen.shown(place), "market": seen.options.market},
        "columns",
        [Choice(f"{role}={seen.called(place)}", _("read it all the same"))],
    )


def _add(figures: dict[str, int], role: str, place: int | None) -> None:
    if place is not None:
        figures.setdefault(role, place)


def _sides(seen: Seen, asked: Mapping[str, int]) -> tuple[str, ...]:
    """How this table calls its sides; raises InvalidInput where it has one, not saying which."""
    if asked.keys() & {"bid", "ask"} or any(seen.fitting(s, _number) for s in ("bid", "ask")):
        return ("bid", "ask")
    there = {
        side: [asked[side]]
        if side in asked
        else [n for n in seen.fitting(side, _number) if seen.contents[n].filled]
        for side in UNSURE
    }
    if all(there.values()):
        return UNSURE
    if "price" in asked:
        return ()
    if not any(there.values()):
        return _sides_in_name(seen)
    shown = seen.shown(next(places[0] for places in there.values() if places))
    raise undecided(
        "ambiguous_sides",
        _("The file has one side, %(name)s, and does not say of which.") % {"name": shown},
        "columns",
        [
            Choice(f"{role}={shown}", _("it is the %(role)s") % {"role": role})
            for role in ("bid", "ask", "price")
        ],
    )


def _sides_in_name(seen: Seen) -> tuple[str, ...]:
    """Sides that the header names though most of their cells are no figures, where nothing else is
    named as a price: the cells are then refused one by one, with the reason."""
    if any(seen.contents[n].filled for n in seen.fitting("price", _number)):
        return ()
    if seen.named("bid") or seen.named("ask"):
        return ("bid", "ask")
    return UNSURE if all(map(seen.named, UNSURE)) else ()


def _number(content: ColumnContent) -> bool:
    return content.is_number


def _only_number(content: ColumnContent) -> bool:
    return content.is_number and not content.is_time


# -------------------------------------------------------------------------------------------- one
def _candidates(seen: Seen, role: str, time: int) -> list[int]:
    """The best columns of a role, equally good."""
    fits = [n for n in seen.fitting(role, _number) if n != time]
    if not fits and role in ("bid", "ask", *UNSURE):
        fits = seen.named(role)  # its cells are then refused one by one, with the reason
    if role.endswith("volume") and (asset := seen.options.parts.get("asset", "").lower()):
        fits = [n for n in fits if not seen.names[n].units or asset in seen.names[n].units]
    ranks = {n: seen.names[n].rank + seen.foreign(n) for n in fits}
    rank = min(ranks.values(), default=0)
    return seen.of_market([n for n in fits if ranks[n] == rank])


def _best(seen: Seen, role: str, time: int) -> int | None:
    """The one column of a role; several equally good ones stop."""
    found = _candidates(seen, role, time)
    if len(found) > 1:
        raise several(seen, role, found)
    return found[0] if found else None


def _lone(seen: Seen, role: str, time: int) -> int | None:
    """The one column of a role that is not needed; none of several."""
    found = _candidates(seen, role, time)
    return found[0] if len(found) == 1 else None


def _first(seen: Seen, role: str, time: int) -> int | None:
    """The first of equally good columns: where two volumes stand, that of the asset comes first."""
    return next(iter(_candidates(seen, role, time)), None)


def _price(seen: Seen, time: int) -> int | None:
    """The column of the only price: by its name; by the market's currency in its name; the only
    column of figures that has no other meaning."""
    if (found := _best(seen, "price", time)) is not None:
        return found
    if seen.options.columns.get("price") == "":
        return None
    fiat = seen.options.parts.get("fiat", "").lower()
    plain = [n for n in seen.fitting("", _only_number) if n != time and seen.contents[n].filled]
    units = [n for n in seen.fitting("unit", _only_number) if n != time]
    of_fiat = seen.of_market([n for n in (*units, *plain) if fiat in seen.names[n].units])
    good = of_fiat or plain or units
    if len(good) > 1:
        raise several(seen, "price", good)
    return good[0] if good else next(iter(n for n in seen.named("price") if n != time), None)
