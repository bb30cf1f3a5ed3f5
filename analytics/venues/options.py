"""Typed, frozen options of a venue: each says its range and what it is for; loose values (from a
form, the API or a stored row) become options or an error that names every wrong one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from analytics.lazily import httpx
from analytics.venues.errors import BadVenueConfig
from analytics.venues.texts import Text
from analytics.venues.texts import Text as _

_METHOD_NAME = re.compile(r"[\w .&+()/\-]{1,60}")


def option(
    default: Any,
    *,
    help: Any,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """One option: default, one sentence of help, its closed range or its choices. A secret one is
    never shown."""
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "secret": secret}
    if isinstance(default, (dict, list)):
        return field(default_factory=lambda: default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of anything: a venue, a rule of alerts, a channel."""

    def problems(self) -> dict[str, str]:
        """What is wrong with the options as a whole, by name."""
        return {}


@dataclass(frozen=True, kw_only=True)
class VenueOptions(Options):
    """What every venue understands; an adapter's own options inherit and add."""

    base_url: str = option(
        "", help=_("Another address of the same service; empty: the venue's own.")
    )
    timeout: float = option(20.0, low=1, high=120, help=_("Seconds until one request is given up."))
    max_skew: int = option(
        300, low=10, high=86_400, help=_("Seconds the venue's clock may differ from ours.")
    )

    def problems(self) -> dict[str, str]:
        """What is wrong with the options as a whole, by name; adapters add theirs."""
        text = address_problem(self.base_url) if self.base_url else ""
        return {"base_url": text} if text else {}


@dataclass(frozen=True, kw_only=True)
class BookOptions(VenueOptions):
    """Options of a venue that lists ads."""

    max_pages: int = option(15, low=1, high=100, help=_("Most pages read of one side."))
    payments: tuple[str, ...] = option(
        (), help=_("Only ads with one of these payment methods, as the venue writes them.")
    )
    merchants_only: bool = option(False, help=_("Only ads of merchants the venue has verified."))


OptionsT = TypeVar("OptionsT", bound=Options)


def make_options(cls: type[OptionsT], values: Mapping[str, Any]) -> OptionsT:
    """Options out of loose values. Raises BadVenueConfig, naming every one that cannot be used."""
    known = {f.name: f for f in dataclasses.fields(cls)}
    problems: dict[str, str] = {
        str(name): _("unknown option; known are %(known)s", known=", ".join(sorted(known)))
        for name in values
        if name not in known
    }
    ready: dict[str, Any] = {}
    for name, entry in known.items():
        if name in values:
            value, problem = _read(str(entry.type), values[name])
            problem = problem or _outside(entry.metadata, value)
            ready[name] = value
            if problem:
                problems[name] = problem
    if problems:
        raise refused(problems)
    made = cls(**ready)
    if whole := made.problems():
        raise refused(whole)
    return made


def address_problem(text: str) -> str:
    """What is wrong with a web address, as far as its text tells; empty if nothing."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        return _("is not a web address")
    if url.scheme not in ("https", "http") or not url.host:
        return _("must be a full address, https://...")
    return _("must not carry a name or a password; use headers") if url.userinfo else ""


def refused(problems: Mapping[str, str]) -> BadVenueConfig:
    names = ", ".join(sorted(problems))
    return BadVenueConfig(
        _("These options of the venue cannot be used: %(names)s.", names=names), fields=problems
    )


def describe_options(cls: type[Options]) -> list[dict[str, Any]]:
    """Name, type, default, range, choices and help of every option, for forms and documents."""
    return [
        {
            "name": f.name,
            "type": str(f.type).split("[")[0].split(" ")[0],
            "default": f.default if f.default is not dataclasses.MISSING else {},
            **f.metadata,
        }
        for f in dataclasses.fields(cls)
    ]


def _read(kind: str, value: Any) -> tuple[Any, str]:
    """(value of that type, what is wrong with it)."""
    kind, _bar, may_miss = kind.partition(" | ")
    if may_miss and value in (None, ""):
        return None, ""
    reader = _READERS.get(kind.split("[")[0])
    if reader is None:
        raise TypeError(f"no option can be of type {kind}")
    try:
        return reader(value), ""
    except (ValueError, TypeError, InvalidOperation) as error:
        told = error.args[0] if type(error) is ValueError else None
        return None, told if isinstance(told, Text) else _wanted(kind)


def _wanted(kind: str) -> Text:
    if kind == "int":
        return _("must be a whole number")
    if kind in ("float", "Decimal"):
        return _("must be a number")
    return _("must be of type %(kind)s", kind=kind)


def _outside(rules: Mapping[str, Any], value: Any) -> str:
    if rules["choices"] and value not in rules["choices"]:
        return _("must be one of %(choices)s", choices=", ".join(rules["choices"]))
    low, high = rules["low"], rules["high"]
    if low is not None and value is not None and not low <= value <= high:
        return _("must be between %(low)s and %(high)s", low=_plain(low), high=_plain(high))
    return ""


def _plain(bound: float) -> str:
    """In plain digits: 1e15 is no figure to read."""
    return f"{Decimal(f'{bound:g}'):f}"


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
        raise ValueError(_("must be a whole number"))
    return int(value)


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or number != number or abs(number) == float("inf"):
        raise ValueError(_("must be a finite number"))
    return number


def _decimal(value: Any) -> Decimal:
    number = Decimal(str(value))
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError(_("must be a finite number"))
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 4000:
        raise ValueError(_("must be a text of at most 4000 characters"))
    return value.strip()


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(_("must be true or false"))


def _texts(value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(name, str) and _METHOD_NAME.fullmatch(name) for name in names):
        raise ValueError(_("must be a list of names (letters, digits, spaces and . & + ( ) / -)"))
    return tuple(name.strip() for name in names)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(_("must be an object with names"))
    return dict(value)


_READERS: dict[str, Any] = {
    "int": _integer,
    "float": _number,
    "Decimal": _decimal,
    "str": _text,
    "bool": _truth,
    "tuple": _texts,
    "Mapping": _mapping,
}
