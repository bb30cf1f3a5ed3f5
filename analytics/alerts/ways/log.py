"""The server's own log."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.utils.translation import gettext_lazy

from analytics.alerts.channels import ChannelKind, Message, World, register
from analytics.venues.options import Options, option

logger = logging.getLogger("analytics.alerts")


@dataclass(frozen=True, kw_only=True)
class LogOptions(Options):
    """How loud."""

    level: str = option(
        "warning",
        choices=("info", "warning", "error"),
        help=gettext_lazy("Level of the lines in the server's log."),
    )


def send(options: LogOptions, message: Message, _world: World) -> None:
    """A line; it always arrives."""
    text = " ".join(f"{message.title}: {message.text} {message.link}".split())
    logger.log(getattr(logging, options.level.upper()), "alert %s %s", message.key[:12], text)


register(ChannelKind(name="log", title=gettext_lazy("Log"), params=LogOptions, send=send))
