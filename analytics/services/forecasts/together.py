"""Forecasts of several markets in one request: each is what it would be alone."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.selectors.prices import market_get
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.forecasts.standing import Standing, markets_standing

#: What would befall every market after it: no database, no memory.
_OF_ALL = (InterfaceError, OperationalError, MemoryError)


@dataclass(frozen=True)
class Together:
    """Forecasts, in the order in which they were asked for; and what kept the others from being
    made, by what their markets were asked by."""

    forecasts: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)


def forecasts_make(*, task: str, markets: Sequence[str], at: dt.datetime | None = None) -> Together:
    """`forecast_make` of each of these ids or symbols. Where all of them stand is read at once, so
    that those of which nothing has changed since their last answer cost no statement of their own.

    A market that cannot be answered hides no other. Raises InvalidInput (contradiction) where one
    is named twice, and what the database raises that cannot be asked."""
    _refuse_twice([ref.strip().lower() for ref in markets])
    standing = markets_standing(markets, task=task, at=at)
    _refuse_twice([one.market.symbol for one in standing.values()])
    made = Together()
    for ref in markets:
        try:
            made.forecasts.append(_one(task, ref, standing.get(ref), at))
        except _OF_ALL:
            raise
        except Exception as error:
            made.failed[ref] = error
    return made


def _one(task: str, ref: str, standing: Standing | None, at: dt.datetime | None) -> dict[str, Any]:
    if standing is None:
        return forecast_make(task=task, market=market_get(ref), at=at)
    return forecast_make(task=task, market=standing.market, at=at, glimpse=standing.glimpse)


def _refuse_twice(names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        said = _("Named twice: %(names)s.") % {"names": ", ".join(twice[:20])}
        raise InvalidInput(_("A market is named twice."), "contradiction", {"markets": said})
