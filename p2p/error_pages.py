"""404 and 500 in our own words, also while DEBUG is on: Django's technical pages are for staff."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, is_valid_path

logger = logging.getLogger(__name__)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What is not there, and the way back."""
    said = str(exception) if isinstance(exception, Http404) and exception.args else ""
    # A Resolver404 holds what was tried, which is nobody's business.
    context = {"said": "" if isinstance(exception, Resolver404) else said}
    return render(request, "404.html", context, status=404)


class OwnErrorPages:
    """Answers plain visitors of a server in DEBUG as one out of it would; staff see what Django
    tells. The API answers for itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        missing = response.status_code == 404 and not is_valid_path(request.path_info)
        return not_found(request) if missing and _is_ours(request) else response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What a view raised, while DEBUG is on."""
        if not _is_ours(request):
            return None
        if isinstance(error, Http404):
            return not_found(request, error)
        if _has_own_answer(error):
            return None
        logger.exception("answering %s", request.path, exc_info=error)
        return render(request, "500.html", status=500)


def _is_ours(request: HttpRequest) -> bool:
    staff = getattr(request, "user", None) is not None and request.user.is_staff
    return settings.DEBUG and not staff and not request.path.startswith("/api/")


def _has_own_answer(error: Exception) -> bool:
    """Django answers these with 400 and 403 itself."""
    return isinstance(error, (BadRequest, PermissionDenied, SuspiciousOperation))
