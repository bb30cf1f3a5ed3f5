"""Who may call the API.

With DEBUG on, a request straight from this machine needs no credentials, so that the lines of the
README work. A browser on this machine also runs other people's pages; they must not profit from
it, hence the checks of host and origin. In all other cases credentials are needed.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import HttpRequest, split_domain_port
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from p2p.accounts import may
from p2p.middleware import from_loopback

_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_loopback_name(host: str) -> bool:
    """True of localhost, *.localhost and loopback addresses, with or without a port."""
    name, _port = split_domain_port(host)
    name = name.strip("[]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _origin(address: str) -> tuple[str, str, int | None] | None:
    """(scheme, host, port) of an address; None for "null" and for nonsense."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.scheme and parts.hostname else None


def is_same_origin(request: HttpRequest) -> bool:
    """False where a browser says that another origin's page sent this. A program that is no
    browser sends none of these headers and passes."""
    own = _origin(f"{request.scheme}://{request.get_host()}")
    origin = request.headers.get("Origin")
    if origin is not None:
        return own is not None and _origin(origin) == own
    if request.headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin"):
        return False
    referer = request.headers.get("Referer")
    return referer is None or (own is not None and _origin(referer) == own)


def is_open(request: Request) -> bool:
    """Whether no credentials are needed. Raises where a foreign page may be behind the request."""
    if not (settings.DEBUG and from_loopback(request._request)):
        return False
    at_home = is_loopback_name(request.get_host())
    if request.method in SAFE_METHODS:
        return at_home
    if not at_home:
        raise PermissionDenied(_("With DEBUG on, call the API by a loopback name."), "bad_host")
    if not is_same_origin(request._request):
        raise PermissionDenied(_("A page of another origin may not do this."), "bad_origin")
    return True


class AnalyticsPermission(BasePermission):
    """Credentials, and for what a view names in `acts` the permission that stands there (of a
    viewset's actions, or of lower-case methods of a plain view)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if is_open(request):
            return True
        user = request.user
        if not (user and user.is_authenticated):
            return False
        action = getattr(view, "action", None) or (request.method or "").lower()
        needed = getattr(view, "acts", {}).get(action)
        return needed is None or may(user, needed)


class AnyonePermission(BasePermission):
    """No credentials needed (they are what is asked for), but no foreign page either."""

    def has_permission(self, request: Request, view: Any) -> bool:
        is_open(request)
        return True
