"""A rule tried on history before it is saved: the same judging, the same machine, nothing kept."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.alerts.machine import Manner, Sight, advance
from analytics.alerts.rules import RuleKind, get_kind, params_of
from analytics.exceptions import InvalidInput
from analytics.models import Market
from analytics.selectors.prices import market_list
from analytics.services.alerting.gathering import Gatherer, judged

#: Days that a rule is tried on, markets that are looked at, firings that are listed.
DAYS, MOST_MARKETS, MOST_LISTED = 30, 20, 100
MOST_DAYS = 365


def rule_try(
    *,
    kind: str,
    params: Any,
    market: Market | None = None,
    days: int = DAYS,
    cooldown_minutes: int = 60,
    now: dt.datetime | None = None,
) -> dict[str, Any]:
    """How often the rule would have fired in the last days, and when, newest first. Kinds that
    cannot be tried say why (`possible` False). Raises InvalidInput (unknown_kind, bad_params)."""
    known = get_kind(kind)
    ready = params_of(known, params)
    if not 1 <= days <= MOST_DAYS:
        limits = {"low": 1, "high": MOST_DAYS}
        raise InvalidInput(
            _("So many days cannot be tried."),
            "bad_days",
            {"days": _("must be between %(low)s and %(high)s") % limits},
        )
    answer: dict[str, Any] = {"kind": kind, "days": days, "possible": not known.untried}
    if known.untried:
        return {**answer, "why": str(known.untried), "count": None, "fired": [], "notes": []}
    now = now or timezone.now()
    markets = [market] if market is not None else list(market_list()[: MOST_MARKETS + 1])
    manner = Manner(cooldown=dt.timedelta(minutes=cooldown_minutes), crossing=known.crossing)
    since = now - dt.timedelta(days=days)
    fired: list[tuple[Market, Sight]] = []
    notes: list[str] = []
    for one in markets[:MOST_MARKETS]:
        found = Gatherer(one, now, history=True)
        sights = judged(found, known, ready, since)
        fired += [(one, sight) for sight in _would_fire(sights, manner)]
        notes += _notes(one, found, sights)
    if len(markets) > MOST_MARKETS:
        notes.append(_("Only the first %(n)d markets were looked at.") % {"n": MOST_MARKETS})
    fired.sort(key=lambda pair: pair[1].at, reverse=True)
    told = [_told(known, one, sight) for one, sight in fired[:MOST_LISTED]]
    return {**answer, "why": "", "count": len(fired), "fired": told, "notes": notes}


def _would_fire(sights: list[Sight], manner: Manner) -> list[Sight]:
    fired: list[Sight] = []
    ordered = sorted(sights, key=lambda sight: (sight.subject, sight.at))
    for _subject, group in groupby(ordered, lambda sight: sight.subject):
        fired += advance(group, None, manner)[1]
    return fired


def _notes(market: Market, found: Gatherer, sights: list[Sight]) -> list[str]:
    notes = []
    if not sights:
        notes.append(_("%(market)s: there was nothing to look at.") % {"market": market.symbol})
    if found.thinned > 1:
        text = _("%(market)s: one of %(n)d kept books was priced; short crossings may be missed.")
        notes.append(text % {"market": market.symbol, "n": found.thinned})
    return notes


def _told(kind: RuleKind, market: Market, sight: Sight) -> dict[str, Any]:
    return {"market": market.symbol, "at": sight.at, "text": kind.words(sight.values)}
