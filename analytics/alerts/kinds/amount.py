"""The price for an amount is above or below a limit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Priced
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.series import against
from analytics.alerts.wording import figure, side
from analytics.venues.options import Options, option


@dataclass(frozen=True, kw_only=True)
class AmountParams(Options):
    """What is bought or sold, and the price that is worth a message."""

    side: str = option("buy", choices=("buy", "sell"), help=gettext_lazy("To buy or to sell."))
    amount: Decimal = option(Decimal(1000), low=1e-9, high=1e15, help=gettext_lazy("How much."))
    currency: str = option(
        "fiat", choices=("fiat", "asset"), help=gettext_lazy("What the amount is counted in.")
    )
    payment: str = option("", help=gettext_lazy("Payment method, as the venue writes it; or any."))
    direction: str = option(
        "below", choices=("above", "below"), help=gettext_lazy("On which side it is told.")
    )
    price: float | None = option(
        None, low=1e-12, high=1e12, help=gettext_lazy("The price for the whole amount.")
    )
    hysteresis: float = option(
        0.2,
        low=0,
        high=50,
        help=gettext_lazy("Percent of the price by which it must come back."),
    )

    def problems(self) -> dict[str, str]:
        return {} if self.price is not None else {"price": _("must be given: a number")}


def judge(params: AmountParams, prices: list[Priced]) -> list[Sight]:
    """A sight per kept book that fills the amount."""
    limit = float(params.price or 0)
    facts = {
        "side": params.side,
        "amount": float(params.amount),
        "currency": params.currency,
        "direction": params.direction,
        "limit": limit,
    }
    rows = (
        (one.at, one.price, {**facts, "value": one.price})
        for one in prices
        if one.price is not None
    )
    band = limit * params.hysteresis / 100
    return against(rows, direction=params.direction, level=limit, band=band)


def words(values: dict[str, Any]) -> str:
    verb = _("Buying") if values["side"] == "buy" else _("Selling")
    return _("%(verb)s %(amount)s (%(currency)s) is at %(value)s each, %(side)s %(limit)s") % {
        "verb": verb,
        "amount": figure(values["amount"]),
        "currency": _("fiat") if values["currency"] == "fiat" else _("asset"),
        "value": figure(values["value"]),
        "side": side(values["direction"]),
        "limit": figure(values["limit"]),
    }


register(
    RuleKind(
        name="amount",
        title=gettext_lazy("Price for an amount"),
        params=AmountParams,
        needs=Needs.AMOUNT,
        moved=Moved.QUOTES,
        judge=judge,
        words=words,
    )
)
