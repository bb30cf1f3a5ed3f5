"""Arbitrage above so many percent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Gain
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.series import against
from analytics.alerts.wording import figure, percent
from analytics.venues.options import Options, option

#: A price in a route, as it is stored: in plain digits.
_PRICE = re.compile(r"\((\d+(?:\.\d+)?)\)")


@dataclass(frozen=True, kw_only=True)
class ArbitrageParams(Options):
    """The gain that is worth a message, for an amount, after fees."""

    percent: float = option(
        1.0, low=0.01, high=1000, help=gettext_lazy("Gain in percent, after fees.")
    )
    amount: Decimal = option(
        Decimal(1000), low=1e-9, high=1e15, help=gettext_lazy("Amount of fiat that is traded.")
    )
    trade_percent: Decimal = option(
        Decimal(0), low=0, high=50, help=gettext_lazy("Fee of a trade, in percent.")
    )
    transfer_fixed: Decimal = option(
        Decimal(0), low=0, high=1e6, help=gettext_lazy("Fee of a transfer, in the asset.")
    )
    hysteresis: float = option(
        20.0,
        low=0,
        high=100,
        help=gettext_lazy("Percent of the gain by which it must shrink before it counts anew."),
    )


def judge(params: ArbitrageParams, gains: list[Gain]) -> list[Sight]:
    """A sight per look."""
    rows = ((g.at, g.percent, {"value": g.percent, "route": g.route}) for g in gains)
    band = params.percent * params.hysteresis / 100
    return against(rows, direction="above", level=params.percent, band=band)


def words(values: dict[str, Any]) -> str:
    return _("Arbitrage of %(gain)s after fees: %(route)s") % {
        "gain": percent(values["value"]),
        "route": _PRICE.sub(lambda found: f"({figure(found[1])})", values["route"]),
    }


register(
    RuleKind(
        name="arbitrage",
        title=gettext_lazy("Arbitrage above x %"),
        params=ArbitrageParams,
        needs=Needs.CHANCES,
        moved=Moved.QUOTES,
        judge=judge,
        words=words,
        pause=timedelta(minutes=1),
        untried=gettext_lazy(
            "Books and quotes of several markets are compared as they stand now; how they stood "
            "side by side at past moments is not kept."
        ),
    )
)
