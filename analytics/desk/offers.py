"""What a market's page asks for when it is there: an amount's price, gains, hours, analogues."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.desk.market import market_of
from analytics.exceptions import AnalyticsError, InvalidInput
from analytics.models import Market
from analytics.pages import offers
from analytics.pages import patterns as pattern_pages
from analytics.selectors.patterns import pattern_view
from analytics.selectors.prices import market_level
from analytics.services.collection.amounts import amount_price
from analytics.services.collection.chances import market_chances
from analytics.services.collection.context import market_context
from p2p.access import reader_required

#: Units of the asset whose worth gains are looked for with, until the reader says how much.
UNITS = 100
_MOST = Decimal(10) ** 15


@require_safe
@never_cache
@reader_required
def price(request: HttpRequest, pk: int) -> HttpResponse:
    """What ?amount= costs or brings, as ?side= and ?currency= say."""
    market = market_of(pk)
    asked = {name: request.GET.get(name, "") for name in ("side", "amount", "currency", "payment")}
    context: dict[str, Any] = {"market": market, "asked": asked}
    try:
        found = amount_price(
            market=market,
            side=asked["side"] or "buy",
            amount=_amount(asked["amount"]),
            currency=asked["currency"] or "fiat",
            payment=asked["payment"].strip()[:60],
            now=timezone.now(),
        )
        context["answer"] = offers.amount_answer(market, found)
    except AnalyticsError as error:
        context["problem"] = " ".join([error.message, *map(str, error.fields.values())])
    return _part(request, "amount", context)


@require_safe
@never_cache
@reader_required
def more(request: HttpRequest, pk: int) -> HttpResponse:
    """Arbitrage with ?amount= of the fiat, where the market stands, best hours, similar moments."""
    market = market_of(pk)
    context: dict[str, Any] = {"market": market}
    try:
        amount = _amount(request.GET.get("amount", "")) if "amount" in request.GET else None
        amount = amount or _usual(market)
        context["amount"] = f"{amount:f}"
        context["chances"] = offers.chances(
            market_chances(market=market, amount=amount, now=timezone.now())
        )
    except AnalyticsError as error:
        context["problem"] = error.message
    try:
        context["now"] = offers.context(market_context(market=market, now=timezone.now()))
    except InvalidInput as error:
        context["no_history"] = error.message
    view = pattern_view(market)
    if view.current is not None:
        line = [(at.timestamp(), value) for at, value in view.prices]
        context["analogues"] = pattern_pages.analogues(view.current, line)
    return _part(request, "more", context)


def _part(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """The part alone for htmx; a page of its own where there is no JavaScript."""
    part = f"analytics/partials/{name}.html"
    if "HX-Request" in request.headers:
        return render(request, part, context)
    return render(request, "analytics/market_part.html", {**context, "part": part})


def _amount(text: str) -> Decimal:
    """Raises InvalidInput (bad_amount)."""
    try:
        amount = Decimal(text.strip() or "0")
    except InvalidOperation:
        amount = Decimal(0)
    if not (amount.is_finite() and 0 < amount < _MOST):
        raise InvalidInput(_("Say an amount above zero."), "bad_amount")
    return amount


def _usual(market: Market) -> Decimal:
    """The worth of UNITS at about the last price, in two digits."""
    level = market_level(market) or 1.0
    return Decimal(f"{UNITS * level:.2g}")
