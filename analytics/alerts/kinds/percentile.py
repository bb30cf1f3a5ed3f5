"""A figure is higher or lower than nearly all of the last 30 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.alerts.facts import FIGURES, Quotes
from analytics.alerts.machine import Sight
from analytics.alerts.rules import Moved, Needs, RuleKind, register
from analytics.alerts.series import against, moment_of
from analytics.alerts.wording import figure, name
from analytics.lazily import np
from analytics.venues.options import Options, option

DAYS = 30
#: With fewer quotes nothing is said of a percentile.
LEAST = 100


@dataclass(frozen=True, kw_only=True)
class PercentileParams(Options):
    """The percentile and the side of it that is told."""

    figure: str = option("price", choices=FIGURES, help=gettext_lazy("What is looked at."))
    direction: str = option(
        "above", choices=("above", "below"), help=gettext_lazy("On which side it is told.")
    )
    percentile: float = option(
        95.0, low=0, high=100, help=gettext_lazy("Percentile of the quotes of 30 days, 0 to 100.")
    )
    hysteresis: float = option(
        5.0,
        low=0,
        high=50,
        help=gettext_lazy("Points by which it must come back before it counts anew."),
    )


def judge(params: PercentileParams, quotes: Quotes) -> list[Sight]:
    """A sight per quote that has enough of them before it."""
    values = quotes.figures[params.figure]
    facts = {"figure": params.figure, "days": DAYS}

    def rows() -> Any:
        for k in range(quotes.first, len(quotes.at)):
            place = _place(quotes.at, values, k)
            said = {**facts, "value": float(values[k]), "percentile": round(place, 1)}
            yield moment_of(quotes.at[k]), place, said

    return against(
        rows(), direction=params.direction, level=params.percentile, band=params.hysteresis
    )


def _place(at: np.ndarray, values: np.ndarray, k: int) -> float:
    """The share in percent of the quotes of 30 days below the k-th, of equal ones the half; NaN
    with too few."""
    start = int(np.searchsorted(at, at[k] - DAYS * 86400))
    window = values[start : k + 1]
    known = np.count_nonzero(np.isfinite(window))
    if known < LEAST or not np.isfinite(values[k]):
        return float("nan")
    below, equal = np.count_nonzero(window < values[k]), np.count_nonzero(window == values[k])
    return 100 * (below + equal / 2) / known


def words(values: dict[str, Any]) -> str:
    return _("%(figure)s %(value)s is at percentile %(place)s of the last %(days)s days") % {
        "figure": name(values["figure"]),
        "value": figure(values["value"]),
        "place": figure(values["percentile"]),
        "days": values["days"],
    }


register(
    RuleKind(
        name="percentile",
        title=gettext_lazy("Percentile of 30 days"),
        params=PercentileParams,
        needs=Needs.QUOTES,
        moved=Moved.QUOTES,
        judge=judge,
        words=words,
        look_back=lambda _params: timedelta(days=DAYS),
    )
)
