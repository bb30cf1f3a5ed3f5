"""The only importer of django_q: hand a task's dotted path and ids to the worker."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

#: The cluster of long work; everything else is for the cluster that has the site's own name.
LONG = "long"
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
    from django_q.tasks import async_task

    transaction.on_commit(lambda: async_task(path, *ids, cluster=cluster))


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


def queue_length() -> int:
    """Messages that wait to be pulled; what a worker has pulled already is not waiting."""
    from django_q.models import OrmQ

    return OrmQ.objects.filter(lock__lte=timezone.now()).count()


def queue_lengths() -> dict[str, int]:
    """The same for each cluster by its name, none left out; one query."""
    from django_q.models import OrmQ

    waiting = OrmQ.objects.filter(lock__lte=timezone.now()).order_by()
    counts = waiting.values_list("key").annotate(n=Count("pk"))
    return dict.fromkeys(clusters(), 0) | dict(counts)


def messages() -> list[tuple[int, str, tuple[Any, ...]]]:
    """(key, dotted path, ids) of every message, pulled or not; those that cannot be read are left
    out."""
    from django_q.models import OrmQ

    return [
        (row.pk, row.task["func"], tuple(row.task["args"]))
        for row in OrmQ.objects.order_by("pk").iterator()
        if isinstance(row.task.get("func"), str)
    ]


def pulled(*, before: dt.datetime) -> set[int]:
    """Keys of the messages that some cluster pulled before that moment and has not done: for
    others they are not there until its lease ends, which is hours later."""
    from django_q.models import OrmQ

    q = settings.Q_CLUSTER
    lease = {q["name"]: q["retry"]} | {
        name: one["retry"] for name, one in q.get("ALT_CLUSTERS", {}).items()
    }
    return {
        row.pk
        for row in OrmQ.objects.filter(lock__gt=timezone.now(), key__in=lease)
        if row.lock - dt.timedelta(seconds=lease[row.key]) < before
    }


def forget(keys: list[int]) -> None:
    """Take messages out of the queue."""
    from django_q.models import OrmQ

    OrmQ.objects.filter(pk__in=keys).delete()


def move_long() -> int:
    """Give messages of long work that a version before put into the common queue to their cluster;
    answers how many."""
    from django_q.models import OrmQ

    own = settings.Q_CLUSTER["name"]
    wrong = [key for key, path, _ids in messages() if cluster_of(path) == LONG]
    return OrmQ.objects.filter(pk__in=wrong, key=own).update(key=LONG)
