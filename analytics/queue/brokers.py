"""Which broker the settings name."""

from __future__ import annotations

from django.conf import settings

from analytics.queue.base import Broker
from analytics.queue.database import DatabaseBroker
from analytics.queue.redis import RedisBroker
from analytics.queue.sqs import SqsBroker


def broker() -> Broker:
    """The one that django-q2 was given (p2p.queues)."""
    if sqs := settings.Q_CLUSTER.get("sqs"):
        return SqsBroker(**sqs)
    address = settings.Q_CLUSTER.get("redis")
    return RedisBroker(address) if address else DatabaseBroker()
