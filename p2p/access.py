"""Who may look at pages and who may act on them: the same rule for every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from p2p.accounts import may
from p2p.middleware import from_loopback

View = Callable[..., HttpResponse]


def is_reader(request: HttpRequest) -> bool:
    """Signed in, or on this very machine while DEBUG is on (as the API has it)."""
    return request.user.is_authenticated or (settings.DEBUG and from_loopback(request))


def may_act(request: HttpRequest, permission: str) -> bool:
    """Whether the account has this permission of the application (`change_trainingrun`), or the
    request comes from this very machine while DEBUG is on."""
    return may(request.user, permission) or (settings.DEBUG and from_loopback(request))


def reader_required(view: View) -> View:
    """For readers only; others are led to the sign-in."""
    return _only(view, is_reader)


def acting(permission: str) -> Callable[[View], View]:
    """For those who may act so; other readers are refused, the rest is led to the sign-in."""
    return partial(_only, allowed=partial(may_act, permission=permission))


def _only(view: View, allowed: Callable[[HttpRequest], bool]) -> View:
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if allowed(request):
            return view(request, *args, **kwargs)
        if request.user.is_authenticated:
            raise PermissionDenied
        if request.headers.get("X-Requested-With") == "fetch" or "HX-Request" in request.headers:
            return HttpResponse(status=401)
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))

    return checked
