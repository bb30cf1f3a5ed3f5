"""The page of Prometheus. It is read by a program: no sign-in page, no language."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from analytics.services.metrics import ServerMetrics
from p2p.metrics import registry
from p2p.middleware import from_loopback


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For this machine without credentials, for every account with its token or session."""
    try:
        allowed = _may_read(request)
    except DatabaseError:
        return HttpResponse("The database does not answer.\n", "text/plain", status=503)
    if not allowed:
        wanted = {"WWW-Authenticate": "Token"}
        text = "Send a token: Authorization: Token ...\n"
        return HttpResponse(text, "text/plain", status=401, headers=wanted)
    server = CollectorRegistry()
    server.register(ServerMetrics())
    page = generate_latest(server) + generate_latest(registry)
    return HttpResponse(page, content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    # What a proxy on this machine passes on looks as if it came from here unless the proxy says
    # so: behind one, nobody is trusted for an address.
    behind_proxy = settings.SECURE_PROXY_SSL_HEADER is not None
    if from_loopback(request) and not behind_proxy:
        return True
    if request.user.is_authenticated:
        return True
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed:
        return False
    return found is not None
