"""The options of an import as controls of a form, each beside what was decided; and back again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from analytics.import_page.naming import role_name
from analytics.import_page.words import decision
from analytics.pages.controls import Control
from analytics.services.prices.previewing import ImportPreview
from analytics.services.prices.reading import parse_columns

#: Roles of columns that have a control of their own; others are written into "columns".
ROLES = ("time", "bid", "ask", "price", "bid_volume", "ask_volume", "volume")
PLAIN = ("market", "decimal", "date_format", "tz", "delimiter", "encoding", "sheet")
NAMES = (*PLAIN, *(f"column_{role}" for role in ROLES), "columns")
#: What a control of a column says where the file's column of that role is to be left out.
NONE = "-"
ENCODINGS = ("utf-8", "cp1252", "latin-1", "utf-16")


def options_of(given: Mapping[str, str]) -> dict[str, Any]:
    """What a form says, as `ReadOptions` takes it; raises InvalidInput (bad_option)."""
    # A delimiter may be a tab.
    options: dict[str, Any] = {
        name: given[name].strip(" ") for name in PLAIN if given.get(name, "").strip(" ")
    }
    columns = parse_columns(given.get("columns", ""))
    for role in ROLES:
        if name := given.get(f"column_{role}", ""):
            columns[role] = "" if name == NONE else name
    return {**options, "columns": columns} if columns else options


def chosen(given: Mapping[str, str], choice: str) -> dict[str, str]:
    """The form after one of the readings was chosen: `choice` is OPTION=VALUE."""
    option, _sign, value = choice.partition("=")
    if option != "columns":
        return {**given, option: value}
    columns = parse_columns(given.get("columns", "")) | parse_columns(value)
    own = {f"column_{role}": columns.pop(role) or NONE for role in ROLES if role in columns}
    rest = ",".join(f"{role}={name}" for role, name in columns.items())
    return {**given, **own, "columns": rest}


def controls(preview: ImportPreview, given: Mapping[str, str]) -> dict[str, Sequence[Control]]:
    """The controls: `main`, `columns` (what was decided of them stands beside the last one) and
    `more`."""
    decided: dict[str, list[str]] = {}
    for one in preview.decisions:
        if one.option:
            said = decision(vars(one)).replace(f" (--{one.option})", "")
            decided.setdefault(one.option, []).append(said)
    wrong = {} if preview.stop is None else preview.stop.fields
    made = {
        control.name: replace(
            control,
            value=given.get(control.name, ""),
            decided=decided.get(control.name, ()),
            wrong=str(wrong.get(control.name, "")),
        )
        for control in [*_plain(), *_columns(preview.columns, given)]
    }
    main = ("market", "decimal", "date_format", "tz")
    columns = [name for name in made if name.startswith("column")]
    more = [name for name in made if name not in (*main, *columns)]
    return {
        "main": [made[name] for name in main],
        "columns": [made[name] for name in columns],
        "more": [made[name] for name in more],
    }


def _plain() -> list[Control]:
    by_itself = ("", _("decided from the file"))
    marks = [by_itself, (".", _("decimal point")), (",", _("decimal comma"))]
    orders = [
        by_itself,
        ("dmy", _("day, month, year")),
        ("mdy", _("month, day, year")),
        ("ymd", _("year, month, day")),
    ]
    separators = [
        *(by_itself, (",", _("comma")), (";", _("semicolon"))),
        *(("tab", _("tab")), ("|", _("bar"))),
    ]
    return [
        Control("market", _("Market"), "", hint=_("ASSET/FIAT@exchange, if the file names none.")),
        Control("decimal", _("Decimal mark"), "", marks),
        Control("date_format", _("Order of dates"), "", orders),
        Control(
            *("tz", _("Time zone"), "", (), sorted(available_timezones())),
            hint=_("Of times that name none, such as America/La_Paz."),
        ),
        Control("delimiter", _("Separator"), "", separators),
        Control("encoding", _("Encoding"), "", (), ENCODINGS),
        Control("sheet", _("Sheet"), "", hint=_("Of a workbook, or the file of a zip; * for all.")),
    ]


def _columns(names: Sequence[str], given: Mapping[str, str]) -> list[Control]:
    """A select for each role, and a line for the others."""
    counts = Counter(names)
    # A name that is there twice, or none, is told by the number of its column.
    values = [name if name and counts[name] == 1 else str(n) for n, name in enumerate(names, 1)]
    shown = [name or _("column %(n)s") % {"n": n} for n, name in enumerate(names, 1)]
    known = list(zip(values, shown, strict=True))
    first = [("", _("decided from the file")), (NONE, _("none"))]
    selects = []
    for role in ROLES:
        asked = given.get(f"column_{role}", "")
        own = [(asked, asked)] if asked and asked not in [*values, NONE] else []
        label = capfirst(role_name(role))
        selects.append(Control(f"column_{role}", label, "", [*first, *known, *own]))
    hint = _("Such as side=lado, offers=cantidad.")
    return [*selects, Control("columns", _("Other columns"), "", hint=hint)]
