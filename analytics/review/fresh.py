"""Charts that are asked for again and again: answered in a word while nothing is new."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import parse_etags
from django.utils.translation import get_language

from analytics.pages.charts import Chart


def chart_if_new(request: HttpRequest, told: str, make: Callable[[], Chart | None]) -> HttpResponse:
    """The spec of what `make` draws as JSON; 304 where the browser has seen what `told` names, in
    its language, and then nothing is made."""
    etag = f'"{sha256(f"{told}-{get_language()}".encode()).hexdigest()[:32]}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        answer = HttpResponse(status=304)
    else:
        chart = make()
        answer = JsonResponse(chart.spec() if chart else {}, safe=False)
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
