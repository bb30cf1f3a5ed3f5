"""How a person wants the pages: kept with the account, or in a visitor's cookies."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from analytics.exceptions import InvalidInput, NotFound
from analytics.models import Theme
from analytics.pages.numbers import number
from analytics.selectors.preferences import FAVOURITES, THEME, ZONE, zones
from analytics.selectors.prices import market_get
from analytics.services.preferences import favourite_set, preferences_set
from p2p.access import reader_required

_COOKIES = {"zone": ZONE, "theme": THEME, "language": settings.LANGUAGE_COOKIE_NAME}
#: What a cookie of a visitor's favourites holds at most.
MOST_MARKED = 200
YEAR = 365 * 86400


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """The form, and what its buttons and those of the header send."""
    if request.method != "POST":
        return _form(request, {})
    try:
        chosen = preferences_set(user=request.user, values=request.POST)
    except InvalidInput as error:
        return _form(request, error.fields)
    answer = HttpResponseRedirect(_back(request))
    for name, value in chosen.items():
        # The language and the theme are kept beside the account too: the sign-in has them.
        if value:
            answer.set_cookie(_COOKIES[name], value, max_age=YEAR, samesite="Lax")
        else:
            answer.delete_cookie(_COOKIES[name], samesite="Lax")
    return answer


@require_POST
@reader_required
def favourite(request: HttpRequest) -> HttpResponse:
    """Mark the market whose id `mark` names, or take the mark from that of `unmark`."""
    on = "mark" in request.POST
    try:
        market = market_get(request.POST.get("mark" if on else "unmark", ""))
    except (NotFound, InvalidInput):
        return HttpResponse(status=404)
    answer: HttpResponse
    if "HX-Request" in request.headers:
        answer = HttpResponse(status=204, headers={"HX-Trigger": "markets-changed"})
    else:
        answer = HttpResponseRedirect(_back(request))
    if request.user.is_authenticated:
        favourite_set(user=request.user, market=market, on=on)
    else:
        marked = request.reader.marked | {market.pk} if on else request.reader.marked - {market.pk}
        text = ".".join(map(str, sorted(marked)[:MOST_MARKED]))
        answer.set_cookie(FAVOURITES, text, max_age=YEAR, samesite="Lax", httponly=True)
    return answer


def _form(request: HttpRequest, problems: Any) -> HttpResponse:
    kept = request.reader.preferences
    cookies = request.COOKIES
    context = {
        "problems": problems,
        "zones": zones(),
        "zone": (kept.zone if kept else cookies.get(ZONE, "")) or "",
        "themes": Theme.choices,
        "language": kept.language if kept else cookies.get(_COOKIES["language"], ""),
        "now": timezone.now(),
        "figure": number(9.625),
    }
    return render(request, "analytics/preferences.html", context, status=400 if problems else 200)


def _back(request: HttpRequest) -> str:
    """The page that the form was on; never one of elsewhere."""
    wanted = request.POST.get("next", "")
    hosts = {request.get_host()}
    if wanted and url_has_allowed_host_and_scheme(wanted, hosts, require_https=request.is_secure()):
        return wanted
    return reverse("analytics:preferences")
