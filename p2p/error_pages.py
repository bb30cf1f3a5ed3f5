"""What went wrong in our own words, also while DEBUG is on: Django's technical pages are for staff.
Each page says what happened, what to do, and leads back."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import Resolver404, is_valid_path

from analytics.models import Theme
from analytics.selectors.preferences import THEME

logger = logging.getLogger(__name__)
#: What Django answers with 400.
_UNREADABLE = (BadRequest, SuspiciousOperation, MultiPartParserError)
_TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
#: Seconds after which a browser or a proxy may ask again where the database did not answer.
RETRY_AFTER = 30


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What is not there, and the way back."""
    said = str(exception) if isinstance(exception, Http404) and exception.args else ""
    # A Resolver404 holds what was tried, which is nobody's business.
    context = {"said": "" if isinstance(exception, Resolver404) else said}
    return render(request, "404.html", context, status=404)


def not_allowed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What an account has no permission for."""
    return render(request, "403.html", status=403)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token (settings.CSRF_FAILURE_VIEW); `reason` is Django's, for its log."""
    foreign = reason.startswith(("Origin checking failed", "Referer checking failed"))
    return render(request, "403_csrf.html", {"foreign": foreign}, status=403)


def unreadable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that Django refuses before or while it is read."""
    host, large = isinstance(exception, DisallowedHost), isinstance(exception, _TOO_LARGE)
    return _bare(request, "400.html", 400, host=host, large=large)


def server_error(request: HttpRequest) -> HttpResponse:
    """What broke. It is called while the error is handled; a database that is away is nothing that
    broke here, and probes and proxies should know."""
    if not isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return _bare(request, "500.html", 500)
    answer = _bare(request, "503.html", 503)
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _bare(request: HttpRequest, template: str, status: int, **context: Any) -> HttpResponse:
    """A page that needs no database, session or context processor: any of them may be what is
    broken, or not there yet."""
    # Made by now on a page; on the API's it would ask for the account.
    reader = None if request.path.startswith("/api/") else getattr(request, "reader", None)
    theme = reader.theme if reader is not None else request.COOKIES.get(THEME, "")
    context["theme"] = theme if theme in Theme.values else ""
    context["request_id"] = getattr(request, "request_id", "")
    return HttpResponse(render_to_string(template, context), status=status)


class OwnErrorPages:
    """Answers plain visitors of a server in DEBUG as one out of it would; staff see what Django
    tells. The API answers for itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and not response.content and not _is_api(request):
            return _explained(request, response)
        missing = response.status_code == 404 and not is_valid_path(request.path_info)
        return not_found(request) if missing and _is_ours(request) else response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What a view raised, while DEBUG is on."""
        if not _is_ours(request) or isinstance(error, PermissionDenied):
            return None  # a permission that is lacking is told in DEBUG too
        if isinstance(error, Http404):
            return not_found(request, error)
        if isinstance(error, _UNREADABLE):
            return unreadable(request, error)
        logger.exception("answering %s", request.path, exc_info=error)
        return server_error(request)


def _explained(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """An empty answer to a method that an address does not take, with words."""
    said = render(request, "405.html", status=405)
    said.headers["Allow"] = response.headers["Allow"]
    return said


def _is_ours(request: HttpRequest) -> bool:
    staff = getattr(request, "user", None) is not None and request.user.is_staff
    return settings.DEBUG and not staff and not _is_api(request)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
