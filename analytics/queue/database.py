"""django-q2's broker in the database: a row a message, kept by a lease from other clusters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Count
from django.utils import timezone

from analytics.queue.base import Broker


class DatabaseBroker(Broker):
    """Keys are those of the rows. A message stays until it is done."""

    OF_OLD = True

    def lengths(self, clusters: Collection[str]) -> dict[str, int]:
        from django_q.models import OrmQ

        waiting = OrmQ.objects.filter(lock__lte=timezone.now()).order_by()
        return dict(waiting.values_list("key").annotate(n=Count("pk")))

    def messages(self, clusters: Collection[str]) -> list[tuple[int, Mapping[str, Any]]]:
        from django_q.models import OrmQ

        return [(row.pk, row.task) for row in OrmQ.objects.order_by("pk").iterator()]

    def pulled(self, before: dt.datetime, lease: Mapping[str, int]) -> set[int]:
        from django_q.models import OrmQ

        return {
            row.pk
            for row in OrmQ.objects.filter(lock__gt=timezone.now(), key__in=lease)
            if row.lock - dt.timedelta(seconds=lease[row.key]) < before
        }

    def forget(self, keys: Collection[int]) -> None:
        from django_q.models import OrmQ

        OrmQ.objects.filter(pk__in=keys).delete()

    def move(self, keys: Collection[int], old: str, new: str) -> int:
        from django_q.models import OrmQ

        return OrmQ.objects.filter(pk__in=keys, key=old).update(key=new)
