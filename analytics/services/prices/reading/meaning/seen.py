"""The columns of a table as they are seen: names, cells, what the caller said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.decisions import Choice, undecided
from analytics.services.prices.reading.meaning.contents import ColumnContent, column_content
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.sources.tables import Table
from analytics.services.prices.reading.words.codes import alike
from analytics.services.prices.reading.words.names import ColumnName, column_name, plain_key

_MOST_SHOWN = 8


@dataclass(frozen=True)
class Seen:
    """Of each column, by its index: what its name says, what its cells are."""

    names: list[ColumnName]
    contents: list[ColumnContent]
    options: ReadOptions

    def named(self, *roles: str) -> list[int]:
        """The columns whose names say one of these roles, if the caller does not leave it out."""
        wanted = [role for role in roles if self.options.columns.get(role) != ""]
        return [n for n, name in enumerate(self.names) if name.role in wanted]

    def fitting(self, role: str, fits: Callable[[ColumnContent], bool]) -> list[int]:
        """Those of a role whose cells fit, or are blank."""
        return [
            n for n in self.named(role) if not self.contents[n].filled or fits(self.contents[n])
        ]

    def shown(self, place: int) -> str:
        """How a column is called."""
        return self.names[place].text or str(place + 1)

    def called(self, place: int) -> str:
        """How the caller may name a column: by its number where another has the same name."""
        name = self.names[place].text
        alone = name and [one.text for one in self.names].count(name) == 1
        return name if alone else str(place + 1)

    def foreign(self, place: int) -> bool:
        """Whether the name of a column has a currency in it that is not of the market asked for."""
        parts = {alike(self.options.parts.get(role, "")) for role in ("asset", "fiat")} - {""}
        return bool(parts) and not {alike(unit) for unit in self.names[place].units} <= parts

    def of_market(self, places: list[int]) -> list[int]:
        """Those of several columns whose names have most of the market's currencies."""
        parts = {self.options.parts.get(role, "").lower() for role in ("asset", "fiat")} - {""}
        scores = [len(self.names[n].units & parts) for n in places]
        most = max(scores, default=0)
        return [n for n, score in zip(places, scores, strict=True) if score == most]


def look(table: Table, options: ReadOptions) -> Seen:
    """What the header and the first rows of a table show."""
    names = []
    for text, hints in zip(table.layout.names, table.layout.hints, strict=True):
        name = column_name(text)
        for hint in map(column_name, hints):
            name = _merged(name, hint)
        names.append(name)
    cells = zip(*table.sample, strict=True) if table.sample else [()] * len(names)
    return Seen(names, [column_content(column) for column in cells], options)


def _merged(name: ColumnName, hint: ColumnName) -> ColumnName:
    """What another row of the header adds: a role where there was none, units, a zone, an order."""
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


def asked_column(seen: Seen, wanted: str) -> int:
    """The column of a name, or of a number from 1; raises InvalidInput (bad_option)."""
    exact = [n for n, name in enumerate(seen.names) if name.text == wanted]
    found = exact or [n for n, name in enumerate(seen.names) if name.key == plain_key(wanted)]
    if not found and wanted.isdecimal() and 1 <= int(wanted) <= len(seen.names):
        found = [int(wanted) - 1]
    if len(found) == 1:
        return found[0]
    raise InvalidInput(
        _("There is no one column %(name)s; the columns are: %(names)s.")
        % {"name": wanted, "names": ", ".join(map(seen.shown, range(len(seen.names))))},
        "bad_option",
        {"columns": _("name one of the columns, or its number")},
    )


def several(seen: Seen, role: str, places: Sequence[int]) -> InvalidInput:
    """The stop where columns are equally good for a role."""
    names = [seen.shown(n) for n in places[:_MOST_SHOWN]]
    return undecided(
        "ambiguous_columns",
        _("Several columns may be the %(role)s: %(names)s.")
        % {"role": role, "names": ", ".join(names)},
        "columns",
        [Choice(f"{role}={seen.called(n)}", _("only this one")) for n in places[:_MOST_SHOWN]],
    )
