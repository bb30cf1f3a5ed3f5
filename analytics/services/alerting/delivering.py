"""The outbox goes out: at least once, each time under the same key.

A message is claimed (a lease and one more attempt, in one transaction), sent, and marked. A process
that dies in between leaves the lease to run out; then the message is sent again under the key that
it had, and receivers that know it pass it over. What fails is tried again after 30 s, 2 min, 8 min,
... up to 2 h; after MOST_ATTEMPTS, or at once where trying again cannot help, it is given up.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import uuid
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import queue
from analytics.alerts.channels import DeliveryError, World, channel_options, get_channel_kind
from analytics.exceptions import AnalyticsError, Conflict
from analytics.models import AlertChannel, AlertDelivery
from analytics.services.alerting.channels import real_world, stored_options
from analytics.services.alerting.composing import TEST, message_key, message_of
from analytics.services.alerting.outbox import DELIVER_TASK

logger = logging.getLogger(__name__)
#: Longer than one message may take.
LEASE = dt.timedelta(seconds=180)
MOST_ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 7200.0
#: Rows that one round looks at; rows of one digest; so many single ones at once become a digest.
MOST, DIGEST, CROWD = 500, 50, 10
Status = AlertDelivery.Status


@dataclass
class Delivered:
    """Rows of the outbox that were sent, that will be tried again, and that were given up."""

    sent: int = 0
    failed: int = 0
    dead: int = 0


def deliver(*, now: dt.datetime | None = None, world: World | None = None) -> Delivered:
    """Send what is due, channel by channel; one that fails is left alone for the rest of the
    round, the others go on."""
    now, world = now or timezone.now(), world or real_world()
    rows = list(_due(now).select_related("channel", "market").order_by("channel_id", "id")[:MOST])
    done = Delivered()
    for _channel, own in groupby(rows, lambda row: row.channel_id):
        for group in _messages(list(own)):
            if not _send(group, now, world, done):
                break
    return done


def _due(now: dt.datetime) -> QuerySet[AlertDelivery]:
    free = Q(held_until=None) | Q(held_until__lte=now)
    # A lease longer than any was taken before the clock was set back.
    free |= Q(held_until__gt=now + LEASE)
    return AlertDelivery.objects.filter(
        free, status=Status.PENDING, due_at__lte=now, channel__enabled=True
    )


def _messages(rows: list[AlertDelivery]) -> list[list[AlertDelivery]]:
    """Rows of one channel as messages: what was sent together stays together, digests and crowds
    are put together, the others go one by one."""
    tried: dict[str, list[AlertDelivery]] = defaultdict(list)
    fresh = [row for row in rows if not row.batch]
    for row in rows:
        if row.batch:
            tried[row.batch].append(row)
    gathered = [row for row in fresh if row.digest or len(fresh) > CROWD]
    single = [[row] for row in fresh if row not in gathered]
    digests = [gathered[k : k + DIGEST] for k in range(0, len(gathered), DIGEST)]
    return [*tried.values(), *single, *digests]


def _send(group: list[AlertDelivery], now: dt.datetime, world: World, done: Delivered) -> bool:
    """Claim, send and mark one message; False where the channel failed."""
    group = _claim(group, now)
    if not group:
        return True
    problem = _try(group, world)
    if problem is None:
        _mark_sent(group, now)
        done.sent += len(group)
        return True
    dead = _mark_failed(group, problem, now)
    done.dead += len(group) if dead else 0
    done.failed += 0 if dead else len(group)
    return False


@transaction.atomic
def _claim(group: list[AlertDelivery], now: dt.datetime) -> list[AlertDelivery]:
    """The rows of the group that are still free, ours from now on. All or none of what was sent
    together before: they are free together."""
    ids = [row.pk for row in group]
    held = list(_due(now).filter(pk__in=ids).select_for_update(of=("self",), no_key=True))
    free = {row.pk for row in held}
    group = [row for row in group if row.pk in free]
    if group:
        # A digest whose rows another process has partly sent is another message: another key.
        AlertDelivery.objects.filter(pk__in=free).update(
            held_until=now + LEASE, attempts=F("attempts") + 1, batch=message_key(group)
        )
    return group


def _try(group: list[AlertDelivery], world: World) -> DeliveryError | None:
    """What went wrong, if anything did. Whatever a channel does, the others go on."""
    channel = group[0].channel
    try:
        kind = get_channel_kind(channel.kind)
        options = channel_options(kind, stored_options(channel))
        kind.send(options, message_of(group, channel, with_image=kind.takes_image), world)
    except DeliveryError as error:
        return error
    except AnalyticsError as error:
        return DeliveryError(error.message, error.code, permanent=True)
    except Exception as error:
        # Not its text: what a library says may hold the channel's address.
        logger.error("alert channel %s: %s", channel.name, type(error).__name__)
        return DeliveryError(_("The channel failed: %(what)s.") % {"what": type(error).__name__})
    return None


def _mark_sent(group: list[AlertDelivery], now: dt.datetime) -> None:
    AlertDelivery.objects.filter(pk__in=[row.pk for row in group]).update(
        status=Status.SENT, sent_at=now, held_until=None, error="", error_code=""
    )
    channels = AlertChannel.objects.filter(pk=group[0].channel_id)
    channels.update(last_success_at=now, failures=0, last_error="")


def _mark_failed(group: list[AlertDelivery], problem: DeliveryError, now: dt.datetime) -> bool:
    """Whether it was given up."""
    attempts = max(row.attempts for row in group) + 1
    dead = problem.permanent or attempts >= MOST_ATTEMPTS
    AlertDelivery.objects.filter(pk__in=[row.pk for row in group]).update(
        status=Status.DEAD if dead else Status.PENDING,
        due_at=now + pause_after(attempts, problem.retry_after),
        held_until=None,
        error=problem.message[:500],
        error_code=problem.code[:40],
    )
    AlertChannel.objects.filter(pk=group[0].channel_id).update(
        last_error_at=now, last_error=problem.message[:500], failures=F("failures") + 1
    )
    logger.warning("alert channel %s: %s", group[0].channel.name, problem.message)
    return dead


def pause_after(attempts: int, asked: float | None = None) -> dt.timedelta:
    """How long to wait after so many attempts: four times as long each time, up to a tenth more by
    chance; what the receiver asked for where that is longer, up to the longest pause."""
    backed_off = FIRST_PAUSE * 4 ** min(attempts - 1, 10)
    seconds = min(max(backed_off, asked or 0.0), LONGEST_PAUSE)
    return dt.timedelta(seconds=seconds * (1 + random.random() / 10))


def delivery_resend(*, delivery: AlertDelivery) -> AlertDelivery:
    """Send once more what was given up (or sent), under its own key. Raises Conflict
    (still_waiting)."""
    again = AlertDelivery.objects.filter(pk=delivery.pk).exclude(status=Status.PENDING)
    if not again.update(
        status=Status.PENDING,
        due_at=timezone.now(),
        attempts=0,
        batch="",
        held_until=None,
        digest=False,
    ):
        raise Conflict(_("This message still waits to be sent."), "still_waiting")
    queue.enqueue(DELIVER_TASK)
    return AlertDelivery.objects.select_related("channel", "rule", "market").get(pk=delivery.pk)


def channel_test(*, channel: AlertChannel, world: World | None = None) -> dict[str, Any]:
    """Send a test message now, whatever the hour, and say what became of it. It stands in the
    outbox, and is not tried again."""
    now = timezone.now()
    row = AlertDelivery.objects.create(
        key=uuid.uuid4().hex,
        channel=channel,
        kind=TEST,
        rule_name=TEST,
        happened_at=now,
        due_at=now,
        attempts=1,
        held_until=now + LEASE,
    )
    problem = _try([row], world or real_world())
    if problem is None:
        _mark_sent([row], now)
        return {"ok": True, "code": "", "message": _("The message was taken.")}
    problem.permanent = True
    _mark_failed([row], problem, now)
    return {"ok": False, "code": problem.code, "message": problem.message}
