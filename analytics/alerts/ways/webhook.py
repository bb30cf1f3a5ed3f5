"""A signed webhook: POST of JSON, through the guarded session of the venues (private addresses,
redirects and DNS rebinding are judged there)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.channels import ChannelKind, DeliveryError, Message, World, register
from analytics.alerts.signing import headers, key_bytes
from analytics.exceptions import InvalidInput
from analytics.retelling import retold
from analytics.venues.errors import CollectionError, ForbiddenAddress, Redirected, Unreachable
from analytics.venues.fetch.client import retry_after
from analytics.venues.fetch.guard import judged_addresses
from analytics.venues.fetch.http import Answer, HttpSession
from analytics.venues.options import Options, address_problem, option

#: Answers that pass by themselves.
_PASSING = (408, 425, 429)


@dataclass(frozen=True, kw_only=True)
class WebhookOptions(Options):
    """Where to, and the key that signs."""

    url: str = option("", secret=True, help=gettext_lazy("https:// address that takes a POST."))
    key: str = option(
        "",
        secret=True,
        help=gettext_lazy("Signing key (whsec_ and base64); empty: one is made and shown once."),
    )

    def problems(self) -> dict[str, str]:
        found = {}
        if problem := address_problem(self.url):
            found["url"] = problem
        if self.key:
            try:
                key_bytes(self.key)
            except ValueError as error:
                found["key"] = error.args[0]
        return found


def check(options: WebhookOptions, world: World) -> None:
    """Refuse an address that requests must not reach; a name that is unknown now may come."""
    import httpx

    try:
        judged_addresses(httpx.URL(options.url), world.rules, world.resolver)
    except Unreachable:
        return
    except ForbiddenAddress as error:
        raise InvalidInput(
            _("This channel cannot be used: %(names)s.") % {"names": "url"},
            "forbidden_address",
            {"url": retold(error.message)},
        ) from None


def send(options: WebhookOptions, message: Message, world: World) -> None:
    """Raises DeliveryError unless the answer is 2xx."""
    body = json.dumps(message.body, ensure_ascii=False, separators=(",", ":")).encode()
    signed = headers(options.key, message.key, int(world.clock().timestamp()), body)
    try:
        with HttpSession(world.rules, resolver=world.resolver) as session:
            answer = session.send("POST", options.url, headers=signed, content=body)
    except CollectionError as error:
        lasting = isinstance(error, ForbiddenAddress | Redirected)
        problem = DeliveryError(error.message, error.code, permanent=lasting)
    else:
        if 200 <= answer.status < 300:
            return
        problem = _refused(answer, world)
    raise problem


def _refused(answer: Answer, world: World) -> DeliveryError:
    wait = retry_after(answer.headers.get("retry-after", ""), world.clock())
    lasting = 300 <= answer.status < 500 and answer.status not in _PASSING
    text = _("The receiver answered with status %(status)s.") % {"status": answer.status}
    return DeliveryError(text, f"status_{answer.status}", permanent=lasting, retry_after=wait)


register(
    ChannelKind(
        name="webhook",
        title=gettext_lazy("Signed webhook"),
        params=WebhookOptions,
        send=send,
        check=check,
    )
)
