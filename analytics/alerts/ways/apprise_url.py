"""Apprise: Telegram, Discord, Slack, ntfy, e-mail and a hundred others by address.

Apprise's plugins make connections of their own, so a message is sent by a child process that may
only reach public addresses (`analytics.alerts.apprise_child`), whatever a name resolves to.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.channels import ChannelKind, DeliveryError, Message, World, register
from analytics.exceptions import InvalidInput
from analytics.venues.fetch.guard import is_public
from analytics.venues.options import Options, option

ROOT = Path(__file__).resolve().parents[3]
#: Schemes that reach this machine itself.
LOCAL = frozenset(
    (
        *("syslog", "dbus", "glib", "gnome", "qt", "kde", "macosx", "windows", "file"),
        *("exec", "script", "python"),
    )
)
#: Names of this machine and of private networks; all others are judged when they are connected to.
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".localdomain")


@dataclass(frozen=True, kw_only=True)
class AppriseOptions(Options):
    """The address, which is a secret as a whole."""

    url: str = option(
        "",
        secret=True,
        help=gettext_lazy(
            "Address as Apprise has it: tgram://TOKEN/CHAT, mailto://..., ntfy://..."
        ),
    )
    image: bool = option(True, help=gettext_lazy("Send a small chart where the service takes one."))

    def problems(self) -> dict[str, str]:
        try:
            parts = urlsplit(self.url)
        except ValueError:
            parts = None
        if parts is None or not parts.scheme or "://" not in self.url:
            return {"url": _("must be an address of Apprise: service://...")}
        if parts.scheme.lower() in LOCAL:
            return {"url": _("reaches this machine itself; use the channel 'log'")}
        if "template" in {name.lower() for name in parse_qs(parts.query)}:
            return {"url": _("must not name a template: it would read a file of this server")}
        return {}


def check(options: AppriseOptions, world: World) -> None:
    """Refuse what no plugin of Apprise takes, and hosts that are plainly private. Other names are
    not looked up here: in many addresses the place of the host holds a token."""
    problem = ""
    with tempfile.TemporaryDirectory(prefix="paralelo-alert-") as folder:
        found = _child({"look": True, "url": options.url}, folder, world.seconds)
    if not found["ok"]:
        known = _("Apprise does not know this address; see its list of services")
        problem = found.get("error") or known
    elif not world.rules.allow_private and any(map(_is_private, found["hosts"])):
        problem = _("is a private or local address; requests go to public ones only")
    if problem:
        raise InvalidInput(
            _("This channel cannot be used: %(names)s.") % {"names": "url"},
            "bad_options",
            {"url": problem},
        )


def _is_private(host: str) -> bool:
    name = host.strip("[]").rstrip(".").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(_PRIVATE_NAMES)
    return not is_public(name)


def send(options: AppriseOptions, message: Message, world: World) -> None:
    """Raises DeliveryError unless Apprise says that the service took it."""
    with tempfile.TemporaryDirectory(prefix="paralelo-alert-") as folder:
        image = None
        if options.image and message.image is not None:
            image = str(Path(folder, "chart.png"))
            Path(image).write_bytes(message.image)
        text = f"{message.text}\n{message.link}".strip()
        order = {
            "url": options.url,
            "title": message.title,
            "body": text,
            "image": image,
            "allow_private": world.rules.allow_private,
        }
        found = _child(order, folder, world.seconds)
    if not found["ok"]:
        lasting = found["code"] in ("forbidden_address", "bad_address")
        raise DeliveryError(found["error"], found["code"], permanent=lasting)


def _child(order: dict[str, Any], folder: str, seconds: float) -> dict[str, Any]:
    """What the child says; it inherits neither secrets nor proxies of our environment."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "analytics.alerts.apprise_child"],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8", "TMPDIR": folder},
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        text, code = _("The service did not answer within %(n)d s.") % {"n": seconds}, "timed_out"
    except (ValueError, IndexError):
        text, code = _("The process that sends through Apprise ended early."), "child_failed"
    return {"ok": False, "code": code, "error": text}


register(
    ChannelKind(
        name="apprise",
        title="Apprise",
        params=AppriseOptions,
        send=send,
        check=check,
        takes_image=True,
    )
)
