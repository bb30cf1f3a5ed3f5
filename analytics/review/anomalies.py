"""The inbox of anomalies, and the page of one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics.exceptions import AnalyticsError, NotFound
from analytics.models import AnomalyEvent
from analytics.pages.charts import Chart
from analytics.pages.review import inbox
from analytics.pages.review.anomaly_detail import VERDICTS, detail
from analytics.pages.review.event_chart import event_chart
from analytics.review.asked import FILTERS, event_query, number, person
from analytics.review.fresh import chart_if_new
from analytics.selectors.aftermath import aftermath
from analytics.selectors.anomalies import (
    event_inbox,
    event_kinds,
    event_neighbours,
    first_seen,
)
from analytics.selectors.chart import event_view
from analytics.selectors.dashboard import market_choices
from analytics.selectors.prices import market_counters
from analytics.services.anomalies.around import event_around, event_stored
from analytics.services.anomalies.feedback import (
    event_acknowledge,
    event_get,
    event_judge,
    events_settle,
)
from p2p.access import acting, may_act, reader_required

#: Events on a page of the inbox.
PAGE = 50


@require_safe
@never_cache
@reader_required
def listing(request: HttpRequest) -> HttpResponse:
    """The inbox: new alarms first, or what the filters ask for."""
    query, page = event_query(request.GET), number(request.GET.get("page")) or 1
    page = min(page, 10_000)
    rows = list(event_inbox(query)[(page - 1) * PAGE : page * PAGE + 1])
    context = {
        "events": [inbox.line(row) for row in rows[:PAGE]],
        "form": inbox.controls(query, request.GET, market_choices(), event_kinds()),
        "asked": asked(request),
        "newer": _page(request, page - 1) if page > 1 else "",
        "older": _page(request, page + 1) if len(rows) > PAGE else "",
        "verdicts": VERDICTS,
        "may_judge": may_act(request, "change_anomalyevent"),
    }
    return render(request, "analytics/anomalies.html", context)


@require_POST
@acting("change_anomalyevent")
def settle(request: HttpRequest) -> HttpResponse:
    """Judge all that were chosen in the inbox; what somebody judged before stays as it is."""
    ids = [pk for text in request.POST.getlist("event")[:PAGE] if (pk := number(text))]
    verdict = request.POST.get("verdict", "")
    try:
        done, left = events_settle(ids=ids, verdict=verdict, by=person(request))
    except AnalyticsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, inbox.settled(done, left))
    return redirect(_back("analytics:anomalies", request))


@require_safe
@never_cache
@reader_required
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One event; the filters in the address say which ones are next to it."""
    event = _event(pk)
    newer, older = event_neighbours(event_inbox(event_query(request.GET)), event)
    chart = event_chart(event, event_view(event), event_stored(event).expected)
    context = {
        "event": event,
        "chart": chart,
        "state": inbox.state(event, first_seen(event)),
        "asked": asked(request),
        "newer": newer,
        "older": older,
        "verdicts": VERDICTS,
        "may_judge": may_act(request, "change_anomalyevent"),
        **detail(event, aftermath(event)),
    }
    return render(request, "analytics/anomaly.html", context)


@require_POST
@acting("change_anomalyevent")
def judge(request: HttpRequest, pk: int) -> HttpResponse:
    """Seen, true alarm, false alarm, or nothing after all."""
    event, verdict = _event(pk), request.POST.get("verdict", "")
    try:
        if verdict == "seen":
            event_acknowledge(event=event, by=person(request))
            messages.success(request, _("Acknowledged."))
        else:
            note = request.POST.get("note", "").strip() if verdict else ""
            judged = event_judge(event=event, feedback=verdict, note=note, by=person(request))
            messages.success(request, inbox.said(judged))
    except AnalyticsError as error:
        messages.error(request, "; ".join([error.message, *map(str, error.fields.values())]))
    return redirect(_back("analytics:anomaly", request, pk))


@require_safe
@reader_required
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    """The event's chart as JSON with what its version expected row by row; with If-None-Match only
    if something is new."""
    event = _event(pk)
    told = f"{event.pk}-{event.updated_at}-{market_counters(event.market).revision}"

    def make() -> Chart | None:
        around = event_around(event)
        return event_chart(event, event_view(event), around.expected, around.scores)

    return chart_if_new(request, told, make)


def asked(request: HttpRequest) -> str:
    """The filters of the address, to go along; with its question mark."""
    kept = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    return f"?{urlencode(kept)}" if kept else ""


def _page(request: HttpRequest, number: int) -> str:
    kept = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    return f"?{urlencode({**kept, 'page': number})}"


def _back(name: str, request: HttpRequest, *args: Any) -> str:
    return reverse(name, args=args) + asked(request)


def _event(pk: int) -> AnomalyEvent:
    try:
        return event_get(pk)
    except NotFound as error:
        raise Http404(error.message) from error
