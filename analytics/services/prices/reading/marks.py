"""Which mark is the decimal one: decided for the whole file, from every cell of its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from analytics.services.prices.reading.cells.numbers import NumberEvidence, other
from analytics.services.prices.reading.decisions import Choice, Decision, undecided
from analytics.services.prices.reading.options import ReadOptions

#: A mark that fewer cells than this share contradict is the column's; they are refused.
_FEW = 0.1
_LEVEL_FACTOR = 30.0


@dataclass(frozen=True)
class Setting:
    """What else is known when every figure may be read both ways. `machine`: a file separated by
    commas whose times are those of a program (an epoch, ISO with a T)."""

    machine: bool = False


def decimal_marks(
    evidence: Mapping[str, NumberEvidence],
    options: ReadOptions,
    setting: Setting,
    decisions: list[Decision],
) -> dict[str, str]:
    """Figure -> its decimal mark; raises InvalidInput (ambiguous_decimal)."""
    if options.decimal is not None:
        decisions.append(_decision(options.decimal, _("as asked for")))
        return dict.fromkeys(evidence, options.decimal)
    own = {name: _own(name, found) for name, found in evidence.items()}
    certain = {mark for mark in own.values() if mark}
    opened = [name for name, mark in own.items() if mark is None and evidence[name].open]
    if not opened or len(certain) == 1:
        mark = certain.pop() if len(certain) == 1 else "."
        found = {name: own[name] or mark for name in evidence}
        decisions += _said(found, evidence)
        return found
    if certain:  # the columns differ, so none speaks for another
        raise _open(evidence[opened[0]].open_shown)
    mark, why = _weak(evidence, options, setting)
    decisions.append(_decision(mark, why))
    return dict.fromkeys(evidence, mark)


def _own(name: str, found: NumberEvidence) -> str | None:
    """What one column says for certain; cells that contradict it stop, unless they are few."""
    if not found.point and not found.comma:
        return None
    mark, most, least = max(
        (".", found.point, found.comma), (",", found.comma, found.point), key=lambda one: one[1]
    )
    if least > _FEW * (most + least):
        raise undecided(
            "ambiguous_decimal",
            _("The figures of %(name)s contradict each other: %(point)s and %(comma)s.")
            % {"name": name, "point": found.point_shown, "comma": found.comma_shown},
            "decimal",
            [
                Choice(".", _("%(cell)s is refused") % {"cell": found.comma_shown}),
                Choice(",", _("%(cell)s is refused") % {"cell": found.point_shown}),
            ],
        )
    return mark


def _weak(
    evidence: Mapping[str, NumberEvidence], options: ReadOptions, setting: Setting
) -> tuple[str, str]:
    """The mark where every cell leaves it open: by the level of the market, what was used before,
    the writer; else the reading stops."""
    shown = next(found.open_shown for found in evidence.values() if found.open)
    if (mark := _by_level(shown, options.level)) is not None:
        return mark, _("%(cell)s says nothing; the market is at about %(level)g") % {
            "cell": shown,
            "level": options.level,
        }
    remembered = options.remembered.get("decimal")
    if remembered in (".", ","):
        return remembered, _("%(cell)s says nothing; as the last time") % {"cell": shown}
    small = any(found.small for found in evidence.values() if found.open)
    if setting.machine and "." in shown and not small:
        return ".", _(
            "%(cell)s says nothing, but a program that separates by commas wrote this (see its "
            "times), and those set off no thousands"
        ) % {"cell": shown}
    raise _open(shown)


def _by_level(shown: str, level: float | None) -> str | None:
    """The mark under which an example is near the market's level, if one is and one is not."""
    if not level or level <= 0:
        return None
    near = [
        mark
        for mark in (".", ",")
        if 1 / _LEVEL_FACTOR < abs(_value(shown, mark)) / level < _LEVEL_FACTOR
    ]
    return near[0] if len(near) == 1 else None


def _value(shown: str, mark: str) -> float:
    return float(shown.replace(other(mark), "").replace(mark, "."))


def _open(shown: str) -> Exception:
    return undecided(
        "ambiguous_decimal",
        _("%(cell)s may be read in two ways, and no other figure of the file tells which.")
        % {"cell": shown},
        "decimal",
        [Choice(mark, f"{shown} = {_value(shown, mark):.10g}") for mark in (".", ",")],
    )


def _decision(mark: str, why: str) -> Decision:
    named = {".": _("decimal point"), ",": _("decimal comma")}
    return Decision(_("figures"), named[mark], why, "decimal", (".", ","))


def _said(found: Mapping[str, str], evidence: Mapping[str, NumberEvidence]) -> list[Decision]:
    said = []
    for mark in dict.fromkeys(found.values()):
        names = [name for name, its in found.items() if its == mark]
        cells = (evidence[n].point_shown if mark == "." else evidence[n].comma_shown for n in names)
        if shown := next(filter(None, cells), ""):
            only = f" ({', '.join(names)})" if len(set(found.values())) > 1 else ""
            said.append(_decision(mark, _("as seen in %(cell)s") % {"cell": shown} + only))
    return said
