"""A forecast of the price leaves a band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import Said
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.wording import figure
from analytics.venues.options import Options, option


@dataclass(frozen=True, kw_only=True)
class BandParams(Options):
    """The band, and which horizon and quantile of the forecast is to stay inside."""

    low: float | None = option(None, low=0, high=1e12, help=gettext_lazy("Lower end of the band."))
    high: float | None = option(None, low=0, high=1e12, help=gettext_lazy("Upper end of the band."))
    steps: str = option(
        "1", choices=("1", "6", "24", "48"), help=gettext_lazy("Horizon, in steps of the grid.")
    )
    quantile: str = option(
        "0.5",
        choices=("0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95"),
        help=gettext_lazy("Quantile of the forecast; 0.5 is its middle."),
    )
    hysteresis: float = option(
        0.2,
        low=0,
        high=50,
        help=gettext_lazy("Percent by which it must come back before it counts anew."),
    )

    def problems(self) -> dict[str, str]:
        if self.low is None and self.high is None:
            return dict.fromkeys(("low", "high"), _("one of both must be given"))
        if self.low is not None and self.high is not None and self.low >= self.high:
            return {"high": _("must be above the lower end")}
        return {}


def judge(params: BandParams, said: list[Said]) -> list[Sight]:
    """A sight per forecast."""
    low = params.low if params.low is not None else float("-inf")
    high = params.high if params.high is not None else float("inf")
    share = params.hysteresis / 100
    found = []
    for one in said:
        value = one.quantiles.get(int(params.steps), {}).get(params.quantile)
        if value is None:
            continue
        facts = {
            "value": value,
            "low": params.low,
            "high": params.high,
            "quantile": params.quantile,
            "minutes": one.minutes[int(params.steps)],
        }
        inside = low * (1 + share) < value < high * (1 - share)
        on = not low <= value <= high
        found.append(Sight(at=one.at, on=on, clear=inside, values=facts))
    return found


def words(values: dict[str, Any]) -> str:
    return _(
        "The forecast of the price in %(minutes)s minutes (quantile %(quantile)s) is %(value)s, "
        "outside of %(low)s to %(high)s"
    ) % {
        "minutes": values["minutes"],
        "quantile": values["quantile"],
        "value": figure(values["value"]),
        "low": figure(values["low"]),
        "high": figure(values["high"]),
    }


register(
    RuleKind(
        name="forecast_band",
        title=gettext_lazy("Forecast leaves a band"),
        params=BandParams,
        needs=Needs.FORECASTS,
        moved=Moved.QUOTES,
        judge=judge,
        words=words,
    )
)
