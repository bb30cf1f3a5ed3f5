"""The only importer of django_q: hand a task's dotted path and ids to the worker."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone


def enqueue(path: str, *ids: int | str) -> None:
    """Queue `path(*ids)` once the current transaction commits. Ids only: arguments are pickled."""
    from django_q.tasks import async_task

    transaction.on_commit(lambda: async_task(path, *ids))


def ensure_schedule(name: str, path: str, *, minutes: int) -> bool:
    """A repeating task, made if it is not there; answers whether it was. Of one that is there only
    the task's path is corrected: its pace may have been changed in the admin."""
    from django_q.models import Schedule

    pace = {"schedule_type": Schedule.MINUTES, "minutes": minutes}
    found, made = Schedule.objects.get_or_create(name=name, defaults={"func": path, **pace})
    if found.func != path:
        Schedule.objects.filter(pk=found.pk).update(func=path)
    return made


def queue_length() -> int:
    """Messages that wait to be pulled; what a worker has pulled already is not waiting."""
    from django_q.models import OrmQ

    return OrmQ.objects.filter(lock__lte=timezone.now()).count()


def messages() -> list[tuple[int, str, tuple[Any, ...]]]:
    """(key, dotted path, ids) of every message, pulled or not; those that cannot be read are left
    out."""
    from django_q.models import OrmQ

    return [
        (row.pk, row.task["func"], tuple(row.task["args"]))
        for row in OrmQ.objects.order_by("pk").iterator()
        if isinstance(row.task.get("func"), str)
    ]


def forget(keys: list[int]) -> None:
    """Take messages out of the queue."""
    from django_q.models import OrmQ

    OrmQ.objects.filter(pk__in=keys).delete()
