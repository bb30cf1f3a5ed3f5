"""How long answers take, per view: the histogram of this process, read at /metrics."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Histogram

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
#: Seconds. A prediction takes some 20 ms, a page 80 ms, a file that is sent seconds.
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

registry = CollectorRegistry()
REQUESTS = Histogram(
    "paralelo_request_seconds",
    "Seconds from a whole request to its answer.",
    ("view", "method", "status"),
    buckets=_BUCKETS,
    registry=registry,
)


class RequestTimes:
    """Times every answer under its view's name: an address that leads nowhere, or a method that
    somebody made up, must not make a line of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = (match.view_name if match is not None else "") or "none"
        method = request.method if request.method in _METHODS else "other"
        took = time.perf_counter() - started
        REQUESTS.labels(view, method, str(response.status_code)).observe(took)
        return response
