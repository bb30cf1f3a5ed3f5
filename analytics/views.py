"""HTML pages: a selector and a render each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import parse_etags
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.exceptions import AnalyticsError, InvalidInput, NotFound
from analytics.models import Market
from analytics.models.choices import Task
from analytics.pages import cards
from analytics.pages import dashboard as pages
from analytics.pages import patterns as pattern_pages
from analytics.pages.anomalies import event
from analytics.pages.forecasts import accuracy_chart, accuracy_lines
from analytics.pages.market import market_chart, range_name
from analytics.pages.runs import panel
from analytics.selectors import dashboard
from analytics.selectors.accuracy import daily
from analytics.selectors.anomalies import events_open
from analytics.selectors.chart import RANGES, chart_version, market_view
from analytics.selectors.models import model_get
from analytics.selectors.patterns import pattern_view
from analytics.selectors.prices import market_get
from analytics.services.forecasts.accuracy import accuracy_of_many
from analytics.services.forecasts.untrained import cards_fill
from analytics.services.registry.cards import model_card as card_of
from analytics.services.status import readiness, worker_status
from p2p.middleware import from_loopback

View = Callable[..., HttpResponse]
DEFAULT_RANGE = "7d"
#: Seconds since 1970 that no chart reaches.
FOREVER = 1e11


def is_reader(request: HttpRequest) -> bool:
    """Signed in, or on this very machine while DEBUG is on (as the API has it)."""
    return request.user.is_authenticated or (settings.DEBUG and from_loopback(request))


def reader_required(view: View) -> View:
    """For readers only; others are led to the sign-in."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_reader(request):
            return view(request, *args, **kwargs)
        if request.headers.get("X-Requested-With") == "fetch":
            return HttpResponse(status=401)
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))

    return checked


@require_safe
@never_cache
@reader_required
def home(request: HttpRequest) -> HttpResponse:
    """Every market at a glance, or the one that ?market= names."""
    chosen, problem = _chosen(request.GET.get("market", ""))
    choices = dashboard.market_choices()
    markets = [] if problem else dashboard.dashboard_cards(only=chosen)
    cards_fill(markets)
    accuracy = accuracy_of_many({card.market.pk: card.models for card in markets})
    context = {
        "cards": [
            pages.card(card) | {"accuracy": accuracy_lines(accuracy[card.market.pk])}
            for card in markets
        ],
        "choices": choices,
        "chosen": chosen,
        "problem": problem,
        "hidden": pages.hidden(0 if chosen or problem else len(choices), len(markets)),
        **_live(),
    }
    return render(request, "analytics/home.html", context, status=404 if problem else 200)


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
def market(request: HttpRequest, pk: int) -> HttpResponse:
    """One market: its chart over the range that ?range= names, and all that is said of it."""
    (card,) = dashboard.dashboard_cards(only=_market(pk))
    cards_fill([card])
    range_ = request.GET.get("range", "")
    range_ = range_ if range_ in RANGES else DEFAULT_RANGE
    view = market_view(card.market, RANGES[range_])
    since = timezone.now() - dt.timedelta(days=90)
    days = daily(card.market, Task.PRICE, since=since)
    accuracy = accuracy_of_many({card.market.pk: card.models})[card.market.pk]
    context = {
        "card": pages.card(card) | {"accuracy": accuracy_lines(accuracy)},
        "chart": market_chart(view, range_) if view else None,
        "daily": accuracy_chart("daily", days),
        "ranges": {name: range_name(name) for name in RANGES},
        "range": range_,
    }
    return render(request, "analytics/market.html", context)


@require_safe
@reader_required
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    """The spec of a market's chart as JSON, of ?range= and in it of what lies between ?from= and
    ?until= (seconds since 1970); with If-None-Match only if something is new."""
    found = _market(pk)
    try:
        range_, window = _looked_at(request)
    except InvalidInput as error:
        body = {"code": error.code, "message": error.message, "fields": error.fields}
        return JsonResponse(body, status=400)
    asked = f"{chart_version(found)}-{range_}-{window}-{get_language()}"
    etag = f'"{sha256(asked.encode()).hexdigest()[:32]}"'
    same = etag in parse_etags(request.headers.get("If-None-Match", ""))
    if same:
        answer = HttpResponse(status=304)
    else:
        view = market_view(found, RANGES[range_], window)
        answer = JsonResponse(market_chart(view, range_).spec() if view else {}, safe=False)
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _market(pk: int) -> Market:
    try:
        return market_get(str(pk))
    except NotFound as error:
        raise Http404(error.message) from error


def _looked_at(request: HttpRequest) -> tuple[str, tuple[float, float] | None]:
    """(range, window or None) that the query names. Raises InvalidInput."""
    range_ = request.GET.get("range", DEFAULT_RANGE)
    if range_ not in RANGES:
        known = {"range": _("choose one of: %(names)s") % {"names": ", ".join(RANGES)}}
        raise InvalidInput(_("There is no such range."), "unknown_range", known)
    ends = [request.GET.get(name, "") for name in ("from", "until")]
    if not any(ends):
        return range_, None
    try:
        first, last = map(float, ends)
    except ValueError:
        first, last = 0.0, 0.0
    if not 0 <= first < last < FOREVER:
        wrong = {"from": _("seconds since 1970, before 'until'")}
        raise InvalidInput(_("This is no stretch of time."), "bad_window", wrong)
    return range_, (first, last)


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
        del found["stale_markets"], found["unwatched"]
    return JsonResponse(found)


def _live() -> dict[str, Any]:
    return {
        **panel(worker_status(), dashboard.runs_open(), dashboard.runs_failed_lately()),
        "alarms": [event(row) for row in events_open()],
    }
