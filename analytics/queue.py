"""The only importer of django_q: hand a task's dotted path and ids to the worker."""

from __future__ import annotations

from django.db import transaction


def enqueue(path: str, *ids: int | str) -> None:
    """Queue `path(*ids)` once the current transaction commits. Ids only: arguments are pickled."""
    from django_q.tasks import async_task

    transaction.on_commit(lambda: async_task(path, *ids))


def ensure_schedule(name: str, path: str, *, minutes: int) -> None:
    """A repeating task, made or corrected; calling it again changes nothing."""
    from django_q.models import Schedule

    Schedule.objects.update_or_create(
        name=name,
        defaults={"func": path, "schedule_type": Schedule.MINUTES, "minutes": minutes},
    )


def queue_length() -> int:
    """Tasks waiting or in flight."""
    from django_q.models import OrmQ

    return OrmQ.objects.count()
