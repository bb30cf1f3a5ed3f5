"""Rules are judged: after new quotes those that quotes move, by the clock all of them.

A market's rules are looked at together. What they see is gathered first; then one transaction
locks the market, reads where each rule stands, advances it (`alerts.machine`), and writes the new
states with the rows of the outbox. The states are the durable mark: a process that is killed
leaves all of a look or nothing of it, and the next one goes on from there.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import transaction
from django.utils import timezone

from analytics.alerts.machine import Manner, Sight, Standing, advance
from analytics.alerts.rules import Moved, Needs, RuleKind, get_kind, params_of
from analytics.exceptions import AnalyticsError
from analytics.models import AlertRule, AlertState, Market
from analytics.models.direct import fetch, insert_or_update, moment, rows_where
from analytics.models.market import lock_markets
from analytics.selectors.prices import market_list
from analytics.services.alerting.gathering import NEWS, Gatherer, judged
from analytics.services.alerting.outbox import outbox_write

logger = logging.getLogger(__name__)
EVALUATE_TASK = "analytics.tasks.evaluate_alerts"


@dataclass(frozen=True)
class Ready:
    """A rule that can be judged."""

    rule: AlertRule
    kind: RuleKind
    params: Any


def evaluate(
    *,
    market_ids: Collection[int] | None = None,
    now: dt.datetime | None = None,
    rules: Sequence[Ready] | None = None,
    markets: Iterable[Market] | None = None,
) -> int:
    """Judge the rules that are switched on; how many alerts were raised. With `market_ids` those
    that new quotes of these markets move, else every rule of every market; `markets` are theirs, as
    `market_list` has them, where the caller has read them. Safe to repeat and to do twice at once:
    what is told once is not told again."""
    now = now or timezone.now()
    rules = rules_ready() if rules is None else rules
    if not rules:
        return 0
    fired = 0
    if markets is None:
        markets = market_list().order_by("pk")
        markets = markets if market_ids is None else markets.filter(pk__in=market_ids)
    for market in markets:
        own = [one for one in rules if concerns(one, market, quotes_only=market_ids is not None)]
        fired += _look(market, own, now)
    if market_ids is None:
        fired += _look(None, [one for one in rules if not one.kind.of_market], now)
    return fired


def concerns(one: Ready, market: Market, *, quotes_only: bool) -> bool:
    """Whether a rule is about the market (and moved by its quotes)."""
    if not one.kind.of_market or one.rule.market_id not in (None, market.pk):
        return False
    return one.kind.moved is Moved.QUOTES or not quotes_only


def rules_ready(rules: Iterable[AlertRule] | None = None) -> list[Ready]:
    """The rules that are switched on. One whose parameters cannot be used any more is logged."""
    if rules is None:
        rules = AlertRule.objects.filter(enabled=True).prefetch_related("channels").order_by("pk")
    ready = []
    for rule in rules:
        try:
            kind = get_kind(rule.kind)
            ready.append(Ready(rule, kind, params_of(kind, rule.params)))
        except AnalyticsError as error:
            _note(rule, error.message)
    return ready


def _look(market: Market | None, rules: list[Ready], now: dt.datetime) -> int:
    """Look at one market, or at the server. What fails is logged; the next look catches up."""
    if not rules:
        return 0
    try:
        looks = _see(market, rules, now)
        return keep(market, looks, now) if looks else 0
    except Exception:
        logger.exception("alert rules of %s", market.symbol if market else "the server")
        return 0


def _see(
    market: Market | None, rules: list[Ready], now: dt.datetime
) -> list[tuple[Ready, list[Sight]]]:
    """What each rule sees that is due to look."""
    where, params = _states_of(market, [one.rule for one in rules])
    sql = f"SELECT rule_id, seen_at FROM {AlertState._meta.db_table} WHERE {where} AND subject = ''"  # noqa: S608
    seen = {
        rule_id: None if seen_at is None else moment(seen_at)
        for rule_id, seen_at in fetch(sql, params)
    }
    found = Gatherer(market, now)
    looks = []
    due = [one for one in rules if _is_due(one, seen.get(one.rule.pk), found)]
    found.look_ahead((one.kind, one.params, seen.get(one.rule.pk)) for one in due)
    for one in due:
        try:
            looks.append((one, judged(found, one.kind, one.params, seen.get(one.rule.pk))))
        except AnalyticsError as error:
            _note(one.rule, error.message)
        else:
            _note(one.rule, "")
    return looks


def _is_due(one: Ready, since: dt.datetime | None, found: Gatherer) -> bool:
    if since is None:
        return True
    if one.kind.needs is Needs.QUOTES:
        last = found.last_quote_at()
        return last is not None and last > since
    # A clock that was set back must not silence a rule for days.
    return not dt.timedelta(0) <= found.now - since < one.kind.pause


def _note(rule: AlertRule, problem: str) -> None:
    if rule.problem != problem:
        rule.problem = problem
        AlertRule.objects.filter(pk=rule.pk).update(problem=problem)
        if problem:
            logger.warning("alert rule %s: %s", rule.name, problem)


@transaction.atomic
def keep(market: Market | None, looks: list[tuple[Ready, list[Sight]]], now: dt.datetime) -> int:
    """Advance the rules by what they saw, and write states and outbox; how many alerts fired."""
    rules = [one.rule for one, _sights in looks]
    if market is not None:
        lock_markets([market.pk])
    else:
        list(AlertRule.objects.select_for_update(no_key=True).filter(pk__in=[r.pk for r in rules]))
    states = {row.key: row for row in rows_where(AlertState, *_states_of(market, rules))}
    changed: list[AlertState] = []
    count = 0
    for one, sights in looks:
        fired, moved = _advance(one, market, sights, states, now)
        changed += moved
        count += len(fired)
        outbox_write(one.rule, market, fired, now=now)
    fields = ["raised", "seen_at", "fired_at", "told"]
    insert_or_update(AlertState, changed, unique="key", fields=fields)
    return count


def _states_of(market: Market | None, rules: Sequence[AlertRule]) -> tuple[str, list[int]]:
    """The condition for the states of these rules with the market, and its values."""
    among = f"rule_id IN ({', '.join(['%s'] * len(rules))})"
    keys = [rule.pk for rule in rules]
    if market is None:
        return f"market_id IS NULL AND {among}", keys
    return f"market_id = %s AND {among}", [market.pk, *keys]


def _advance(
    one: Ready,
    market: Market | None,
    sights: list[Sight],
    states: dict[str, AlertState],
    now: dt.datetime,
) -> tuple[list[Sight], list[AlertState]]:
    """(what fires, the states that have moved). The state without a subject is there after every
    look: it says until when the rule has looked."""
    manner = Manner(
        cooldown=dt.timedelta(minutes=one.rule.cooldown_minutes),
        news_from=now - NEWS,
        crossing=one.kind.crossing,
    )
    by_subject = {
        subject: list(group)
        for subject, group in groupby(sorted(sights, key=lambda s: s.subject), lambda s: s.subject)
    }
    fired: list[Sight] = []
    moved = []
    for subject, group in {"": [], **by_subject}.items():
        row = states.get(state_key(one.rule, market, subject))
        standing, told = advance(group, standing_of(row), manner)
        fired += told
        if group or one.kind.moved is not Moved.QUOTES:
            seen = standing.seen_at if one.kind.moved is Moved.QUOTES else now
            moved.append(_state(one.rule, market, subject, standing, seen))
    return fired, moved


def state_key(rule: AlertRule, market: Market | None, subject: str) -> str:
    """The state's name."""
    return f"{rule.pk}|{market.pk if market else ''}|{subject}"


def standing_of(row: AlertState | None) -> Standing | None:
    """The row as the machine has it."""
    if row is None:
        return None
    return Standing(
        raised=row.raised, seen_at=row.seen_at, fired_at=row.fired_at, told=tuple(row.told)
    )


def _state(
    rule: AlertRule,
    market: Market | None,
    subject: str,
    standing: Standing,
    seen: dt.datetime | None,
) -> AlertState:
    return AlertState(
        rule=rule,
        market=market,
        subject=subject,
        key=state_key(rule, market, subject),
        raised=standing.raised,
        seen_at=seen,
        fired_at=standing.fired_at,
        told=list(standing.told),
    )
