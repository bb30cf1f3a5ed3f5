"""The only importer of django_q: hand a task's dotted path and ids to the worker, and look at what
waits. Where messages lie, the setting of the broker says (p2p.queues); each place has a module."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from analytics.exceptions import QueueAway
from analytics.queue.base import Key
from analytics.queue.brokers import broker

logger = logging.getLogger(__name__)
#: A task's dotted path and the ids that it is called with.
Call = tuple[str, *tuple[int | str, ...]]
#: The cluster of long work; everything else is for the cluster that has the site's own name.
LONG = "long"
#: So many messages that wait for a cluster may well have one among them that a task asks for: where
#: nobody can see which they are, it is not asked for again.
_CROWD = 10
#: Tasks of that name start long work.
_LONG_TASK = re.compile(r".*\.run_\w+")


def clusters() -> dict[str, int]:
    """Name of every cluster that a worker has to run, and how many tasks it does at a time."""
    q = settings.Q_CLUSTER
    own = {q["name"]: q["workers"]}
    return own | {name: one["workers"] for name, one in q.get("ALT_CLUSTERS", {}).items()}


def cluster_of(path: str) -> str:
    """The cluster that does a task."""
    return LONG if _LONG_TASK.fullmatch(path) else settings.Q_CLUSTER["name"]


def enqueue(path: str, *ids: int | str) -> None:
    """Queue `path(*ids)` once the current transaction commits. Ids only: arguments are pickled."""
    enqueue_for(cluster_of(path), path, *ids)


def enqueue_for(cluster: str, path: str, *ids: int | str) -> None:
    """The same for the cluster of that name."""
    transaction.on_commit(lambda: _send(cluster, path, ids))


def _send(cluster: str, path: str, ids: tuple[int | str, ...]) -> None:
    """What happened has happened, and its message is only a bell: a broker of its own that is away
    undoes nothing. Runs are rung for again, all else is periodic work too."""
    from django_q.tasks import async_task

    try:
        with broker().asked():
            async_task(path, *ids, cluster=cluster)
    except QueueAway as error:
        logger.error("%s%s was not queued, and is done later: %s", path, ids, error)


def ensure_schedule(name: str, path: str, *, minutes: int, wait: bool = False) -> bool:
    """A repeating task, made if it is not there (with `wait` its first run is a pace from now);
    answers whether it was. Of one that is there only the task's path is corrected: its pace may
    have been changed in the admin. Names are not unique to django-q2: of those that workers made
    at the same moment the first stays."""
    from django_q.models import Schedule

    pace: dict[str, Any] = {"schedule_type": Schedule.MINUTES, "minutes": minutes}
    if wait:
        pace["next_run"] = timezone.now() + dt.timedelta(minutes=minutes)
    named = Schedule.objects.filter(name=name).order_by("pk")
    made = None if named.exists() else Schedule.objects.create(name=name, func=path, **pace)
    first = named.first()
    if first is None:
        return False
    # Whoever comes later sees both, and removes the later one.
    named.filter(pk__gt=first.pk).delete()
    if first.func != path:
        named.update(func=path)
    return made == first


def queue_length() -> int | None:
    """Messages that wait to be pulled; what a worker has pulled already is not waiting. None where
    the broker is away."""
    counts = queue_lengths()
    return sum(counts.values()) if counts else None


def queue_lengths() -> dict[str, int]:
    """The same for each cluster by its name, none left out; SQS says about how many. Empty where
    the broker is away."""
    try:
        return _lengths()
    except QueueAway as error:
        logger.error("the queue cannot be looked at: %s", error)
        return {}


def _lengths() -> dict[str, int]:
    names = clusters()
    with broker().asked():
        return dict.fromkeys(names, 0) | broker().lengths(names)


def is_there() -> bool:
    """Whether the broker answers."""
    return bool(queue_lengths())


def is_told(path: str) -> bool:
    """Whether a message asks for that task already, or as many wait as if one did. Raises
    QueueAway."""
    if broker().LISTS:
        return any(path == told for _key, told, _ids in messages())
    return _lengths()[cluster_of(path)] >= _CROWD


def untold(calls: Sequence[Call], *, gone: dt.datetime | None = None) -> list[Call]:
    """The calls of which no message waits or is in living hands: whoever pulled one before `gone`
    may be dead. SQS says only how many wait: none is told where those are fewer than half of the
    calls, else all are, so that ringing again and again fills no queue. Raises QueueAway."""
    if not broker().LISTS:
        return list(calls) if 2 * _waiting(calls, _lengths()) < len(calls) else []
    lost = pulled(before=gone) if gone is not None else set()
    told = {(path, *ids) for key, path, ids in messages() if key not in lost}
    return [call for call in calls if call not in told]


def takes(calls: Sequence[Call]) -> bool:
    """Whether each call may be sent beside what waits, told or not: where messages can be taken out
    again always, else while no more wait than there are calls."""
    if broker().LISTS:
        return True
    counts = queue_lengths()
    return bool(counts) and _waiting(calls, counts) <= len(calls)


def _waiting(calls: Sequence[Call], counts: Mapping[str, int]) -> int:
    return sum(counts[cluster] for cluster in {cluster_of(path) for path, *_ids in calls})


def messages() -> list[tuple[Key, str, tuple[Any, ...]]]:
    """(key, dotted path, ids) of every message that the broker shows; those that cannot be read are
    left out. Raises QueueAway. The database's are among them while they are worked on; Redis
    forgets a message that was pulled; SQS shows none."""
    if not broker().LISTS:
        return []
    with broker().asked():
        found = broker().messages(clusters())
    return [
        (key, task["func"], tuple(task["args"]))
        for key, task in found
        if isinstance(task.get("func"), str)
    ]


def pulled(*, before: dt.datetime) -> set[Key]:
    """Keys of the messages that some cluster pulled before that moment and has not done: for
    others they are not there until its lease ends, which is hours later. Only of a broker that
    lists its messages. Raises QueueAway."""
    q = settings.Q_CLUSTER
    alone = {name: one["retry"] for name, one in q.get("ALT_CLUSTERS", {}).items()}
    with broker().asked():
        return broker().pulled(before, {q["name"]: q["retry"]} | alone)


def forget(keys: list[Key]) -> None:
    """Take messages out of the queue. Raises QueueAway."""
    with broker().asked():
        broker().forget(keys)


def move_long() -> int:
    """Give messages of long work that a version before put into the common queue to their cluster;
    answers how many. Those versions knew the database only."""
    if not broker().OF_OLD:
        return 0
    wrong = [key for key, path, _ids in messages() if cluster_of(path) == LONG]
    return broker().move(wrong, settings.Q_CLUSTER["name"], LONG)
