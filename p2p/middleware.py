"""Who may reach the server, and what a page of it may load."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden

_PROXY_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


def from_loopback(request: HttpRequest) -> bool:
    """True when the request came straight from this machine. A request that a proxy on this
    machine passed on comes from elsewhere, whatever its address says."""
    if any(header in request.META for header in _PROXY_HEADERS):
        return False
    address = request.META.get("REMOTE_ADDR", "")
    try:
        # A unix socket has no address; only this machine can reach it.
        return not address or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class LoopbackInDebug:
    """Refuses every request from another machine while DEBUG is on: the API is open then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.DEBUG and not from_loopback(request):
            return HttpResponseForbidden(
                "With DEBUG on, Paralelo answers this machine only. Set PARALELO_DEBUG=0.",
                content_type="text/plain",
            )
        return self.get_response(request)


#: Scripts come from this server's files only, never from a page's text, so that a quote's source or
#: a note that holds markup stays text. Styles may be inline: the browsable API's pages need it.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class ContentSecurityPolicy:
    """Sends the policy with every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response
