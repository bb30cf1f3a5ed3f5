"""The outbox: a row per alert and channel, in the transaction of what caused it."""

from __future__ import annotations

import datetime as dt
import hashlib
from zoneinfo import ZoneInfo

from analytics import queue
from analytics.alerts.machine import Sight
from analytics.models import AlertChannel, AlertDelivery, AlertRule, Market

DELIVER_TASK = "analytics.tasks.deliver_alerts"


def outbox_write(
    rule: AlertRule, market: Market | None, fired: list[Sight], *, now: dt.datetime
) -> int:
    """A row per firing and channel of the rule; one that is there already stays as it is. Answers
    how many were to be written. To be called in the transaction of what the rule saw."""
    rows = [
        _row(rule, market, sight, channel, now)
        for sight in fired
        for channel in rule.channels.all()
        if channel.enabled
    ]
    AlertDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    if any(row.due_at <= now for row in rows):
        queue.enqueue(DELIVER_TASK)
    return len(rows)


def _row(
    rule: AlertRule, market: Market | None, sight: Sight, channel: AlertChannel, now: dt.datetime
) -> AlertDelivery:
    due_at, digest = due_of(channel, now)
    named = f"{rule.pk}|{market.pk if market else ''}|{sight.event}|{channel.pk}"
    return AlertDelivery(
        key=hashlib.blake2b(named.encode(), digest_size=16, person=b"alert delivery").hexdigest(),
        channel=channel,
        rule=rule,
        market=market,
        rule_name=rule.name,
        kind=rule.kind,
        values=dict(sight.values),
        happened_at=sight.at,
        due_at=due_at,
        digest=digest,
    )


def due_of(channel: AlertChannel, now: dt.datetime) -> tuple[dt.datetime, bool]:
    """When a message that comes up now is due, and whether it waits for a digest: at the next full
    digest interval of UTC, and not before the quiet hours of the channel's zone are over."""
    due = now
    if channel.digest_minutes:
        step = channel.digest_minutes * 60
        due = dt.datetime.fromtimestamp((now.timestamp() // step + 1) * step, dt.UTC)
    due = _after_quiet(channel, due)
    return due, due > now


def _after_quiet(channel: AlertChannel, at: dt.datetime) -> dt.datetime:
    begin, end = channel.quiet_from, channel.quiet_until
    if begin is None or end is None or begin == end:
        return at
    local = at.astimezone(ZoneInfo(channel.timezone))
    clock = local.time()
    over_night = begin > end
    quiet = (clock >= begin or clock < end) if over_night else begin <= clock < end
    if not quiet:
        return at
    day = local.date() + dt.timedelta(days=1 if over_night and clock >= begin else 0)
    return dt.datetime.combine(day, end, local.tzinfo).astimezone(dt.UTC)
