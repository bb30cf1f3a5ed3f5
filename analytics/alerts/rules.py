"""Kinds of rules register where they are defined; everyone else asks here by name.

A new kind is one file in `kinds/` that calls `register`: nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from analytics.alerts.machine import Sight
from analytics.exceptions import InvalidInput
from analytics.venue_words import told
from analytics.venues.errors import BadVenueConfig
from analytics.venues.options import Options, make_options


class Needs(StrEnum):
    """What a kind is judged on; see `facts`."""

    QUOTES = "quotes"
    FORECASTS = "forecasts"
    ANOMALIES = "anomalies"
    AMOUNT = "amount"
    CHANCES = "chances"
    SILENCES = "silences"
    WATCH = "watch"
    VERSIONS = "versions"
    DRIFT = "drift"
    FAILURES = "failures"
    WORKERS = "workers"


class Moved(StrEnum):
    """What makes a rule be judged: new quotes, the clock, or an event (the clock sees after it)."""

    QUOTES = "quotes"
    CLOCK = "clock"
    EVENTS = "events"


@dataclass(frozen=True, kw_only=True)
class RuleKind:
    """`judge` turns parameters and facts into sights, ascending; `words` says a sight's values in
    the language that is active. `look_back`: of the quotes before the first that is judged.
    `untried` says why a rule cannot be tried on history; empty where it can."""

    name: str
    title: Any
    params: type[Options]
    needs: Needs
    moved: Moved
    judge: Callable[[Any, Any], list[Sight]]
    words: Callable[[Any], str]
    look_back: Callable[[Any], timedelta] = lambda _params: timedelta(0)
    crossing: bool = False
    of_market: bool = True
    pause: timedelta = timedelta(0)
    untried: Any = ""


_KINDS: dict[str, RuleKind] = {}


def register(kind: RuleKind) -> RuleKind:
    """Make a kind known. A repeated name is a programming error: ValueError."""
    if kind.name in _KINDS:
        raise ValueError(f"a kind of rule named {kind.name!r} is already registered")
    _KINDS[kind.name] = kind
    return kind


@cache
def _walk_kinds() -> None:
    from analytics.alerts import kinds

    for module in pkgutil.iter_modules(kinds.__path__, kinds.__name__ + "."):
        importlib.import_module(module.name)


def list_kinds() -> tuple[RuleKind, ...]:
    """Every kind of rule, by name."""
    _walk_kinds()
    return tuple(sorted(_KINDS.values(), key=lambda kind: kind.name))


def get_kind(name: str) -> RuleKind:
    """Raises InvalidInput (unknown_kind), naming the choices."""
    found = {kind.name: kind for kind in list_kinds()}.get(name)
    if found is None:
        known = ", ".join(kind.name for kind in list_kinds())
        raise InvalidInput(
            _("There is no rule of that kind."),
            "unknown_kind",
            {"kind": _("choose one of: %(names)s") % {"names": known}},
        )
    return found


def params_of(kind: RuleKind, values: Any) -> Any:
    """The kind's parameters out of loose values. Raises InvalidInput (bad_params): every wrong
    one by name, with what it must be."""
    if not isinstance(values, dict):
        raise InvalidInput(
            _("The parameters must be a JSON object."), "bad_params", {"params": "{...}"}
        )
    try:
        return make_options(kind.params, values)
    except BadVenueConfig as error:
        problems = told(error.fields)
    raise InvalidInput(
        _("This rule cannot be used: %(names)s.") % {"names": ", ".join(sorted(problems))},
        "bad_params",
        problems,
    )
