"""Where requests from this machine may go.

A URL that a user typed must not become a way into the private network (SSRF). A name is resolved
once, every address it resolves to is judged, and the connection goes to a judged address itself:
a name that answers differently a moment later (DNS rebinding) changes nothing. The transport below
does so for every request, so for every hop of a redirect too.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Self, cast

from analytics.lazily import httpx
from analytics.venues.errors import ForbiddenAddress, Unreachable
from analytics.venues.texts import Text as _

Resolver = Callable[[str, int], list[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Public by number, but a cloud's own: Azure's wire server, Oracle's metadata.
_METADATA = (
    ipaddress.ip_network("168.63.129.16/32"),
    ipaddress.ip_network("192.0.0.0/24"),
)
#: IPv6 ranges whose last 32 bits are an IPv4 address: translators (NAT64) and the old ::a.b.c.d.
_EMBEDDING = tuple(
    ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")
)
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class HttpRules:
    """What one session may do. `allow_private` opens private addresses and every port (tests, a
    server at home); `https_only` refuses plain HTTP; `redirects` counts hops within one host."""

    https_only: bool = True
    allow_private: bool = False
    max_bytes: int = 4_000_000
    timeout: float = 20.0
    redirects: int = 2


#: What is right for an address that anybody may have typed.
STRICT = HttpRules()


def resolve(host: str, port: int) -> list[str]:
    """Addresses of a name, in the system's order, each once. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(text: str) -> bool:
    """Whether an address lies on the open internet, whatever it is wrapped into."""
    try:
        address = ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return False
    return all(_open(inner) for inner in (address, *_wrapped(address)))


def _open(address: Address) -> bool:
    closed = address.is_multicast or address.is_reserved or address.is_unspecified
    if isinstance(address, ipaddress.IPv6Address):
        closed = closed or address.is_site_local
        if _carries_ipv4(address):
            # Judged by what it carries alone: the wrapping ranges are not global themselves.
            return True
    return address.is_global and not closed and not any(address in net for net in _METADATA)


def _carries_ipv4(address: ipaddress.IPv6Address) -> bool:
    return address.ipv4_mapped is not None or any(address in net for net in _EMBEDDING[:1])


def _wrapped(address: Address) -> list[Address]:
    """IPv4 addresses inside an IPv6 one: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inner: list[Address] = [a for a in (address.ipv4_mapped, address.sixtofour) if a is not None]
    inner += list(address.teredo or ())
    if any(address in net for net in _EMBEDDING):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return inner


def check_url(url: httpx.URL, rules: HttpRules) -> None:
    """Scheme, host, port and credentials of a URL. Raises ForbiddenAddress."""
    if url.scheme != "https" and (rules.https_only or url.scheme != "http"):
        raise ForbiddenAddress(
            _("Only https:// addresses are asked."), fields={"url": _("is not https")}
        )
    if not url.host:
        raise ForbiddenAddress(_("The address names no host."), fields={"url": _("names no host")})
    if url.userinfo:
        raise ForbiddenAddress(
            _("An address must not carry a name or a password; use a header."),
            fields={"url": _("must not carry a name or a password; use headers")},
        )
    port = url.port or 443
    if not rules.allow_private and port not in (80, 443) and port < 1024:
        raise ForbiddenAddress(
            _("Port %(port)s is not asked.", port=port),
            fields={"url": _("is not a port that is asked")},
        )


def judged_addresses(url: httpx.URL, rules: HttpRules, resolver: Resolver) -> list[str]:
    """The addresses to connect to, in order. One bad address condemns the name. Raises
    ForbiddenAddress, Unreachable."""
    check_url(url, rules)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        addresses = resolver(url.host, port)
    except (OSError, UnicodeError):
        addresses = []
    if not addresses:
        raise Unreachable(_("The name %(host)s cannot be found.", host=url.host))
    if not rules.allow_private and not all(is_public(address) for address in addresses):
        raise ForbiddenAddress(
            _(
                "%(host)s is a private or local address; requests go to public ones only.",
                host=url.host,
            ),
            fields={"url": _("is a private address")},
        )
    return addresses[:_TRIES]


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes a tenth of a second: once per process."""
    return httpx.create_ssl_context(trust_env=False)


class GuardedTransport:
    """Connects to judged addresses only, under the name that was asked for (Host header, TLS name
    and certificate stay the name's). Each name has connections of its own: one address may serve
    several names, and a connection made for one is never used for another.

    An httpx.BaseTransport in all but name: to be one, httpx would have to be loaded first."""

    def __init__(self, rules: HttpRules, resolver: Resolver = resolve) -> None:
        self._rules = rules
        self._resolver = resolver
        self._by_host: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        addresses = judged_addresses(request.url, self._rules, self._resolver)
        if (transport := self._by_host.get(request.url.host)) is None:
            transport = httpx.HTTPTransport(verify=_tls(), trust_env=False)
            self._by_host[request.url.host] = transport
        for address in addresses[:-1]:
            try:
                return transport.handle_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return transport.handle_request(_pinned(request, addresses[-1]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        for transport in self._by_host.values():
            transport.close()


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=cast(httpx.SyncByteStream, request.stream),
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
