"""One guarded, bounded request to another server; venues and webhooks share it.

No retry, no pacing and no judgement of the status here: the answer comes back as it is, or one of
the errors of the way there.
"""

from __future__ import annotations

import contextlib
import logging
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from analytics.lazily import httpx
from analytics.venues.errors import (
    CollectionError,
    ForbiddenAddress,
    NotJson,
    Redirected,
    TimedOut,
    TooLarge,
    Truncated,
    Unreachable,
)
from analytics.venues.fetch.guard import STRICT, GuardedTransport, HttpRules, Resolver, resolve
from analytics.venues.texts import Text as _

# httpx logs the whole address of every request; those of webhooks are secrets.
logging.getLogger("httpx").setLevel(logging.WARNING)

AGENT = "paralelo/1 (self-hosted price monitor)"
_CONNECT_SECONDS = 8.0
_HOPS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and the unpacked body, which no repr shows."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class HttpSession:
    """A context manager around one connection pool. `monotonic` is the clock of its deadlines."""

    def __init__(
        self,
        rules: HttpRules = STRICT,
        *,
        resolver: Resolver = resolve,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = rules
        self._monotonic = monotonic
        self._client = httpx.Client(
            transport=cast("httpx.BaseTransport", GuardedTransport(rules, resolver)),
            timeout=httpx.Timeout(rules.timeout, connect=min(_CONNECT_SECONDS, rules.timeout)),
            headers={"User-Agent": AGENT, "Accept-Encoding": "gzip"},
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
    ) -> Answer:
        """The answer, whatever its status. Hops within the host are followed for GET; others raise
        Redirected. Raises ForbiddenAddress, Unreachable, TimedOut, TooLarge, Truncated, NotJson."""
        deadline = self._monotonic() + self.rules.timeout
        request = self._build(
            method, url, params=params, headers=headers, json=json, content=content
        )
        for _hop in range(self.rules.redirects + 1):
            answer = self._once(request, deadline)
            if answer.status not in _HOPS or "location" not in answer.headers:
                return answer
            request = self._next(request, answer.headers["location"])
        raise Redirected(_("The server redirects in circles."))

    def _build(self, method: str, url: str, **rest: Any) -> httpx.Request:
        try:
            return self._client.build_request(method, url, **rest)
        except (httpx.InvalidURL, UnicodeError, ValueError):
            pass
        raise ForbiddenAddress(
            _("This is not a web address."), fields={"url": _("is not a web address")}
        )

    def _next(self, request: httpx.Request, location: str) -> httpx.Request:
        target: httpx.URL | None = None
        with contextlib.suppress(httpx.InvalidURL, ValueError):
            target = request.url.join(location)
        if target is None or _origin(target) != _origin(request.url) or request.method != "GET":
            raise Redirected(_("The server sends to another address, which is not followed."))
        headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
        return self._build("GET", str(target), headers=headers)

    def _once(self, request: httpx.Request, deadline: float) -> Answer:
        problem: CollectionError
        try:
            response = self._client.send(request, stream=True)
            try:
                body = self._body(response, deadline)
            finally:
                response.close()
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, body)
        except httpx.TimeoutException:
            problem = TimedOut(_("The server did not answer in time."))
        except httpx.RemoteProtocolError as error:
            problem = _broken_off(error)
        except (httpx.TransportError, OSError):
            problem = Unreachable(_("The server cannot be reached."))
        except zlib.error:
            problem = NotJson(_("The server's answer cannot be unpacked."))
        # Outside of the handlers: their errors hold the request, whose headers may be secret.
        raise problem

    def _body(self, response: httpx.Response, deadline: float) -> bytes:
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise NotJson(_("The server's answer is packed in a way that was not asked for."))
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding == "gzip" else None
        body = bytearray()
        for chunk in response.iter_raw():
            if self._monotonic() > deadline:
                raise TimedOut(_("The server's answer took too long."))
            # One byte of room more than allowed: what fills it, is too large.
            room = self.rules.max_bytes - len(body) + 1
            body += unpacker.decompress(chunk, room) if unpacker else chunk[:room]
            if len(body) > self.rules.max_bytes:
                raise TooLarge(
                    _("The server's answer is above %(most)s bytes.", most=self.rules.max_bytes)
                )
        if unpacker is not None and not unpacker.eof:
            raise Truncated(_("The server's answer breaks off in the middle."))
        return bytes(body)


def _broken_off(error: httpx.RemoteProtocolError) -> CollectionError:
    text = str(error).lower()
    if "incomplete" in text or "without sending complete" in text:
        return Truncated(_("The server's answer breaks off in the middle."))
    if "location" in text:
        return Redirected(_("The server sends to something that is no address."))
    return Unreachable(_("The server broke the connection or does not speak HTTP."))


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)
