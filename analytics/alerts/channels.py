"""Kinds of channels register where they are defined; everyone else asks here by name.

A new kind is one file in `ways/` that calls `register`: nothing else names it.
"""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from analytics.exceptions import AnalyticsError, InvalidInput
from analytics.venue_words import told
from analytics.venues.errors import BadVenueConfig
from analytics.venues.fetch.client import utc_now
from analytics.venues.fetch.guard import STRICT, HttpRules, Resolver, resolve
from analytics.venues.options import Options, make_options


class DeliveryError(AnalyticsError):
    """A message did not arrive. `permanent`: trying again cannot help. `retry_after`: seconds that
    the receiver asked for. No message of it holds a secret of the channel."""

    code = "not_delivered"

    def __init__(
        self,
        message: Any,
        code: str | None = None,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code)
        self.permanent = permanent
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is sent. `key` is the same however often it is sent; `body` is for programs."""

    key: str
    title: str
    text: str
    link: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    image: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class World:
    """The world that messages are sent in; tests put their own in."""

    rules: HttpRules = STRICT
    resolver: Resolver = resolve
    clock: Callable[[], dt.datetime] = utc_now
    seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class ChannelKind:
    """`send` raises DeliveryError; `check` raises InvalidInput for options that can never work;
    `takes_image`: a chart is drawn for it."""

    name: str
    title: Any
    params: type[Options]
    send: Callable[[Any, Message, World], None]
    check: Callable[[Any, World], None] = lambda _options, _world: None
    takes_image: bool = False


_KINDS: dict[str, ChannelKind] = {}


def register(kind: ChannelKind) -> ChannelKind:
    """Make a kind known. A repeated name is a programming error: ValueError."""
    if kind.name in _KINDS:
        raise ValueError(f"a kind of channel named {kind.name!r} is already registered")
    _KINDS[kind.name] = kind
    return kind


@cache
def _walk_ways() -> None:
    from analytics.alerts import ways

    for module in pkgutil.iter_modules(ways.__path__, ways.__name__ + "."):
        importlib.import_module(module.name)


def list_channel_kinds() -> tuple[ChannelKind, ...]:
    """Every kind of channel, by name."""
    _walk_ways()
    return tuple(sorted(_KINDS.values(), key=lambda kind: kind.name))


def get_channel_kind(name: str) -> ChannelKind:
    """Raises InvalidInput (unknown_kind), naming the choices."""
    found = {kind.name: kind for kind in list_channel_kinds()}.get(name)
    if found is None:
        known = ", ".join(kind.name for kind in list_channel_kinds())
        raise InvalidInput(
            _("There is no channel of that kind."),
            "unknown_kind",
            {"kind": _("choose one of: %(names)s") % {"names": known}},
        )
    return found


def channel_options(kind: ChannelKind, values: Any) -> Any:
    """The kind's options out of loose values. Raises InvalidInput (bad_options)."""
    if not isinstance(values, dict):
        raise InvalidInput(
            _("The options must be a JSON object."), "bad_options", {"options": "{...}"}
        )
    try:
        return make_options(kind.params, values)
    except BadVenueConfig as error:
        problems = told(error.fields)
    raise InvalidInput(
        _("This channel cannot be used: %(names)s.") % {"names": ", ".join(sorted(problems))},
        "bad_options",
        problems,
    )
