"""Where quotes are collected from, how that goes, and its switches."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics.exceptions import AnalyticsError
from analytics.models import MarketSource
from analytics.pages import operations as pages
from analytics.retelling import retold
from analytics.selectors.collection import source_states
from analytics.services.collection.rounds import source_try
from analytics.services.collection.sources import source_change
from p2p.access import acting, may_act, reader_required


@require_safe
@never_cache
@reader_required
def collection(request: HttpRequest) -> HttpResponse:
    """Every source with its state, its last error and the reason."""
    return _page(request)


@require_POST
@acting("change_marketsource")
def source(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a source on or off, or read it once and show what would be stored: `do` is on, off
    or try."""
    row = source_states().filter(pk=pk).first()
    if row is None:
        raise Http404
    wanted = request.POST.get("do", "")
    try:
        if wanted == "try":
            return _page(request, pages.tried(source_try(source=row)))
        _switch(row, wanted)
    except AnalyticsError as error:
        messages.error(request, f"{row}: {retold(error.message)}")
    return HttpResponseRedirect(reverse("analytics:collection"))


def _switch(row: MarketSource, wanted: str) -> None:
    if wanted in ("on", "off"):
        source_change(source=row, enabled=wanted == "on")


def _page(request: HttpRequest, tried: dict[str, Any] | None = None) -> HttpResponse:
    now = timezone.now()
    context = {
        "sources": [pages.source(row, now=now) for row in source_states()],
        "operates": may_act(request, "change_marketsource"),
        "tried": tried,
    }
    return render(request, "analytics/collection.html", context)
