"""django-q2's broker in Redis: a list a cluster. A message that is pulled is gone from it for good,
done or not: the runs' rows, the reaper and the schedules make up for what a dead worker held."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from analytics.queue.base import Broker


@cache
def _client(address: str) -> Any:
    """One per process. Whoever looks at the queue waits for one more try, not for django-q2's."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.from_url(address, retry=Retry(NoBackoff(), 1))


def _list(cluster: str) -> str:
    # As django_q.brokers.redis_broker names it.
    return f"django_q:{cluster}:q"


class RedisBroker(Broker):
    """Keys are (cluster, message): every message holds an id that no other has."""

    def __init__(self, address: str) -> None:
        self.client = _client(address)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        import redis

        return (redis.RedisError,)

    def lengths(self, clusters: Collection[str]) -> dict[str, int]:
        asked = self.client.pipeline(transaction=False)
        for cluster in clusters:
            asked.llen(_list(cluster))
        return dict(zip(clusters, asked.execute(), strict=True))

    def messages(
        self, clusters: Collection[str]
    ) -> list[tuple[tuple[str, bytes], Mapping[str, Any]]]:
        asked = self.client.pipeline(transaction=False)
        for cluster in clusters:
            asked.lrange(_list(cluster), 0, -1)
        return [
            ((cluster, package), _unpacked(package))
            for cluster, packages in zip(clusters, asked.execute(), strict=True)
            for package in packages
        ]

    def pulled(self, before: dt.datetime, lease: Mapping[str, int]) -> set[tuple[str, bytes]]:
        return set()

    def forget(self, keys: Collection[tuple[str, bytes]]) -> None:
        asked = self.client.pipeline(transaction=False)
        for cluster, package in keys:
            asked.lrem(_list(cluster), 1, package)
        asked.execute()


def _unpacked(package: bytes) -> Mapping[str, Any]:
    """Nothing of what somebody else put there, or of another secret key."""
    from django_q.signing import BadSignature, SignedPackage

    try:
        task = SignedPackage.loads(package.decode())
    except (BadSignature, ValueError, TypeError):
        return {}
    return task if isinstance(task, dict) else {}
