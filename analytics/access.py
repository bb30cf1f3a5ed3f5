"""Who may look at a page, and who may do things there; the API's own rules say the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from p2p.middleware import from_loopback

View = Callable[..., HttpResponse]


def is_reader(request: HttpRequest) -> bool:
    """Signed in, or on this very machine while DEBUG is on (as the API has it)."""
    return request.user.is_authenticated or (settings.DEBUG and from_loopback(request))


def is_staff(request: HttpRequest) -> bool:
    """Staff, or on this very machine while DEBUG is on (as the API has it)."""
    return request.user.is_staff or (settings.DEBUG and from_loopback(request))


def reader_required(view: View) -> View:
    """For readers only; others are led to the sign-in."""
    return _guarded(view, is_reader)


def staff_required(view: View) -> View:
    """For staff only; who has no account is led to the sign-in."""
    return _guarded(view, is_staff)


def _guarded(view: View, may: Callable[[HttpRequest], bool]) -> View:
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if may(request):
            return view(request, *args, **kwargs)
        if request.user.is_authenticated:
            raise PermissionDenied
        if request.headers.get("X-Requested-With") == "fetch":
            return HttpResponse(status=401)
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))

    return checked
