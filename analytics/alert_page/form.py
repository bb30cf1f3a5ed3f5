"""The forms of a rule and of a channel: controls out of what the kinds declare, and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from analytics.alert_page.words import choice_name, label
from analytics.alerts.wording import figure
from analytics.exceptions import InvalidInput
from analytics.models import AlertChannel, Market
from analytics.pages.controls import Control
from analytics.pages.numbers import written
from analytics.selectors.alerts import channel_list
from analytics.selectors.prices import market_get
from analytics.words import typed

#: Bounds beyond this are no help to anybody who types a figure.
BOUNDS_TOLD = 1e6
#: Types of parameters that are figures.
FIGURES = ("int", "float", "Decimal")


def controls(
    options: Sequence[Mapping[str, Any]], given: Mapping[str, str], wrong: Mapping[str, Any]
) -> list[Control]:
    """A control per parameter of a kind (or option of a channel)."""
    made = []
    for one in options:
        name = f"p_{one['name']}"
        default = "" if one["default"] in (None, "") else _text(one)
        choices = [(value, choice_name(value)) for value in one["choices"]]
        if one["type"] == "bool":
            choices = [("true", _("yes")), ("false", _("no"))]
        made.append(
            Control(
                name=name,
                label=label(one["name"]),
                value=given.get(name, default),
                choices=choices,
                hint=one["help"] + _bounds(one),
                wrong=str(wrong.get(one["name"], "")),
            )
        )
    return made


def _bounds(one: Mapping[str, Any]) -> str:
    """From where to where, unless that only keeps nonsense out."""
    if one["low"] is None or one["type"] not in FIGURES:
        return ""
    if max(abs(one["low"]), abs(one["high"])) > BOUNDS_TOLD:
        return ""
    return f" ({figure(one['low'])} – {figure(one['high'])})"


def _text(one: Mapping[str, Any]) -> str:
    """The default, as the reader would type it."""
    value = one["default"]
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return written(text) if one["type"] in FIGURES else text


def params_of(options: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> dict[str, Any]:
    """What the form says of the parameters; what is empty is left to its default. Raises
    InvalidInput where a figure could be two."""
    found: dict[str, Any] = {}
    for one in options:
        text = given.get(f"p_{one['name']}", "").strip()
        if text and one["type"] in FIGURES:
            text = _figure(one["name"], text)
        if text:
            found[one["name"]] = text == "true" if one["type"] == "bool" else text
    return found


def _figure(name: str, text: str) -> str:
    try:
        return typed(text)
    except ValueError:
        readings = {"whole": text.replace(".", ""), "part": text.replace(".", ",", 1)}
        why = _("could be %(whole)s or %(part)s; write the one that is meant in this way")
        raise InvalidInput(
            _("This form cannot be used."), "bad_form", {name: why % readings}
        ) from None


def rule_values(
    given: Mapping[str, str], channels: Sequence[str], options: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the form says of a rule, for the service. Raises InvalidInput, NotFound."""
    return {
        "name": given.get("name", "").strip(),
        "kind": given.get("kind", ""),
        "params": params_of(options, given),
        "market": _market(given.get("market", "")),
        "cooldown_minutes": _whole(given, "cooldown_minutes", 60),
        "channels": _channels(channels),
    }


def channel_values(
    given: Mapping[str, str], options: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the form says of a channel, for the service. Raises InvalidInput."""
    return {
        "name": given.get("name", "").strip(),
        "kind": given.get("kind", ""),
        "options": params_of(options, given),
        "language": given.get("language", "en"),
        "timezone": given.get("timezone", "").strip() or "UTC",
        "quiet_from": _clock(given, "quiet_from"),
        "quiet_until": _clock(given, "quiet_until"),
        "digest_minutes": _whole(given, "digest_minutes", 0),
    }


def _market(ref: str) -> Market | None:
    return market_get(ref) if ref.strip() else None


def _channels(ids: Sequence[str]) -> list[AlertChannel]:
    wanted = [int(one) for one in ids if one.isascii() and one.isdigit() and len(one) < 19]
    return list(channel_list().filter(pk__in=wanted))


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise InvalidInput(
            _("This form cannot be used."), "bad_form", {name: _("must be a whole number from 0")}
        )
    return int(text)


def _clock(given: Mapping[str, str], name: str) -> dt.time | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        return dt.time.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            _("This form cannot be used."), "bad_form", {name: _("must be a time such as 22:30")}
        ) from None
