"""One market: its chart over a range, what is said of it, and the specs that keep it fresh."""

from __future__ import annotations

import datetime as dt
from hashlib import sha256

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import parse_etags
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.exceptions import InvalidInput, NotFound
from analytics.models import Market
from analytics.models.choices import Task
from analytics.pages import dashboard as pages
from analytics.pages.charts import Chart
from analytics.pages.forecasts import accuracy_chart, accuracy_lines
from analytics.pages.market import market_chart, range_name
from analytics.selectors import dashboard
from analytics.selectors.accuracy import daily
from analytics.selectors.chart import RANGES, MarketView, chart_version, market_view
from analytics.selectors.prices import market_get
from analytics.services.collection.depth_course import depth_course
from analytics.services.forecasts.accuracy import accuracy_of_many
from analytics.services.forecasts.untrained import cards_fill
from p2p.access import reader_required

DEFAULT_RANGE = "7d"
#: Seconds since 1970 that no chart reaches.
FOREVER = 1e11


@require_safe
@never_cache
@reader_required
def market(request: HttpRequest, pk: int) -> HttpResponse:
    """One market: its chart over the range that ?range= names, and all that is said of it."""
    card = dashboard.market_card(market_of(pk))
    cards_fill([card])
    range_ = request.GET.get("range", "")
    range_ = range_ if range_ in RANGES else DEFAULT_RANGE
    view = market_view(card.market, RANGES[range_])
    since = timezone.now() - dt.timedelta(days=90)
    days = daily(card.market, Task.PRICE, since=since)
    accuracy = accuracy_of_many({card.market.pk: card.models})[card.market.pk]
    context = {
        "card": pages.card(card) | {"accuracy": accuracy_lines(accuracy)},
        "chart": _drawn(view, range_) if view else None,
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
    found = market_of(pk)
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
        answer = JsonResponse(_drawn(view, range_).spec() if view else {})
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _drawn(view: MarketView, range_: str) -> Chart:
    since, until = (dt.datetime.fromtimestamp(end, dt.UTC) for end in view.extent)
    depths = depth_course(market=view.market, since=since, until=until)
    return market_chart(view, range_, depths)


def market_of(pk: int) -> Market:
    """Raises Http404."""
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
