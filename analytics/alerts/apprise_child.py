"""The process that sends one message through Apprise: an order as JSON on stdin, what became of it
as JSON on stdout.

An audit hook (PEP 578) judges every address that anything in this process connects or sends to, at
the moment of the call: redirects and names that answer differently later lead nowhere else. A call
that hands a name to the kernel instead of an address is refused, as are unix sockets, the system's
log and further processes. A hook cannot be taken away again, hence a process of its own.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

from analytics.venues.fetch.guard import is_public
from analytics.venues.texts import Text as _

_ADDRESSED = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_NEVER = (
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"),
    *("syslog.syslog", "syslog.openlog"),
)


class Forbidden(PermissionError):
    """An OSError, so that libraries take it for a connection that failed."""


def guard(blocked: list[str]) -> Callable[[str, tuple[Any, ...]], None]:
    """The hook; what it refused is noted in `blocked`."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _NEVER:
            blocked.append(event)
            raise Forbidden(event)
        if event in _ADDRESSED and not _allowed(args[1]):
            blocked.append("address")
            raise Forbidden("this address must not be reached from here")

    return hook


def _allowed(address: Any) -> bool:
    # A datagram of a connected socket names no address: its connect was judged.
    if address is None:
        return True
    return isinstance(address, tuple) and is_public(str(address[0]))


def redacted(text: str, url: str) -> str:
    """The text without anything that stands in the address."""
    for part in sorted(set(re.split(r"[/:@?&=]+", url)), key=len, reverse=True):
        if len(part) > 3:
            text = text.replace(part, "***")
    return " ".join(text.split())[:300]


def look(order: dict[str, Any]) -> dict[str, Any]:
    """{"ok", "hosts"}: whether a plugin takes the address, and the hosts that it names, if it is a
    plugin whose addresses name hosts (in many the place of the host holds a token)."""
    import apprise

    plugin = apprise.Apprise.instantiate(order["url"], suppress_exceptions=True)
    named = [getattr(plugin, name, None) for name in ("host", "smtp_host", "mailserver")]
    return {"ok": plugin is not None, "hosts": [str(host) for host in named if host]}


def deliver(order: dict[str, Any]) -> dict[str, Any]:
    """Send it; {"ok"} or {"ok", "code", "error"}."""
    import apprise

    blocked: list[str] = []
    if not order["allow_private"]:
        sys.addaudithook(guard(blocked))
    sender = apprise.Apprise(asset=apprise.AppriseAsset(storage_mode="memory", app_id="Paralelo"))
    if not sender.add(order["url"]):
        unknown = _("Apprise does not know this address.")
        return {"ok": False, "code": "bad_address", "error": unknown}
    with apprise.LogCapture(level=apprise.logging.WARNING) as captured:
        attach = order["image"] if _takes_image(sender) else None
        ok = sender.notify(title=order["title"], body=order["body"], attach=attach)
        said = captured.getvalue()
    if blocked:
        text = _("The service lies at a private or local address; messages go to public ones only.")
        return {"ok": False, "code": "forbidden_address", "error": text}
    if ok:
        return {"ok": True}
    reason = redacted(said, order["url"]) or _("The service did not take the message.")
    return {"ok": False, "code": "refused", "error": reason}


def _takes_image(sender: Any) -> bool:
    return any(getattr(plugin, "attachment_support", False) for plugin in sender)


if __name__ == "__main__":
    _order = json.loads(sys.stdin.buffer.read())
    print(json.dumps(look(_order) if _order.get("look") else deliver(_order)))  # noqa: T201
