"""HTML pages: a selector and a render each."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.exceptions import AnalyticsError, NotFound
from analytics.models import Market
from analytics.pages import cards
from analytics.pages import patterns as pattern_pages
from analytics.pages.anomalies import event
from analytics.pages.runs import panel
from analytics.selectors import dashboard
from analytics.selectors.anomalies import events_open
from analytics.selectors.models import model_get
from analytics.selectors.patterns import pattern_view
from analytics.selectors.prices import market_get
from analytics.services.registry.cards import model_card as card_of
from analytics.services.status import readiness, worker_status
from p2p.access import is_reader, reader_required


def _chosen(ref: str) -> tuple[Market | None, str]:
    """(market, what is wrong with the reader's choice); no choice means all of them."""
    if not ref.strip():
        return None, ""
    try:
        return market_get(ref), ""
    except AnalyticsError as error:
        return None, error.message


@require_safe
@never_cache
@reader_required
def model_card(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything stored about a version; the API has the same as JSON and Markdown."""
    try:
        card = card_of(model_get(pk))
    except NotFound as error:
        raise Http404(error.message) from error
    context = {"pk": pk, "title": cards.title(card), "sections": cards.sections(card)}
    return render(request, "analytics/card.html", context)


@require_safe
@never_cache
@reader_required
def patterns(request: HttpRequest) -> HttpResponse:
    """What one market is doing, and what followed when it looked alike; the first by default."""
    chosen, problem = _chosen(request.GET.get("market", ""))
    choices = dashboard.market_choices()
    market = chosen or (None if problem else next(iter(choices), None))
    context = {
        "page": pattern_pages.page(pattern_view(market)) if market else None,
        "choices": choices,
        "chosen": market,
        "problem": problem,
    }
    return render(request, "analytics/patterns.html", context, status=404 if problem else 200)


@require_safe
@never_cache
@reader_required
def live(request: HttpRequest) -> HttpResponse:
    """The part of the page that changes while something trains; static/analytics/live.js asks."""
    return render(request, "analytics/partials/live.html", _live())


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """For probes and watchmen, without credentials: 200 while this server can answer, else 503. A
    stale market is told, and no reason to stop sending requests here; names are for readers."""
    try:
        found = readiness()
        named = is_reader(request)
    except DatabaseError:
        return JsonResponse({"ready": False}, status=503)
    if not named:
        del found["stale_markets"], found["unwatched"], found["last_backup_at"]
    return JsonResponse(found)


def _live() -> dict[str, Any]:
    return {
        **panel(worker_status(), dashboard.runs_open(), dashboard.runs_failed_lately()),
        "alarms": [event(row) for row in events_open()],
    }
