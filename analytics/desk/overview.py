"""Every market at a glance, one row each."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.exceptions import AnalyticsError
from analytics.pages import overview as pages
from analytics.pages.anomalies import event
from analytics.pages.runs import panel
from analytics.selectors import dashboard
from analytics.selectors.anomalies import events_open
from analytics.selectors.overview import MOST_ROWS, overview_rows
from analytics.selectors.prices import market_get
from analytics.services.status import worker_status
from p2p.access import reader_required

_PART = "analytics/partials/overview.html"


@require_safe
@never_cache
@reader_required
def overview(request: HttpRequest) -> HttpResponse:
    """The page; for htmx the part of it that changes, or 204 where that is what it has already."""
    if request.GET.get("market"):
        return _one(request)
    context = _context(request)
    text = render_to_string(_PART, context, request)
    state = sha256(text.encode()).hexdigest()[:16]
    if "HX-Request" not in request.headers:
        return render(request, "analytics/home.html", {**context, "part": text, "state": state})
    if request.headers.get("X-State") == state:
        return HttpResponse(status=204)
    return HttpResponse(text, headers={"X-State": state})


def _one(request: HttpRequest) -> HttpResponse:
    """Addresses of the first dashboard (?market=): the market's page, or what is wrong with it."""
    try:
        found = market_get(request.GET["market"])
    except AnalyticsError as error:
        context = {"said": error.message}
        return render(request, "404.html", context, status=404)
    return HttpResponseRedirect(reverse("analytics:market", args=[found.pk]))


def _context(request: HttpRequest) -> dict[str, Any]:
    asked = request.GET
    text, sort, down = asked.get("q", "")[:100], asked.get("sort", ""), asked.get("down") == "1"
    now = timezone.now()
    marked = request.reader.favourites  # type: ignore[attr-defined]
    every = overview_rows(now=now)
    rows = pages.ordered(pages.searched(every, text), sort, down, marked)
    return {
        "lines": [pages.line(row, now=now, marked=row.market.pk in marked) for row in rows],
        "total": len(every),
        "most": MOST_ROWS if len(every) == MOST_ROWS else 0,
        "heads": pages.heads(sort, down, text),
        "q": text,
        "sort": sort,
        "down": down,
        **panel(worker_status(), dashboard.runs_open(), dashboard.runs_failed_lately()),
        "alarms": [event(row) for row in events_open()],
    }
