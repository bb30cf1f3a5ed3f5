"""Amazon SQS, the only importer of boto3: a queue a cluster, called by the prefix and its name. SQS
says about how many messages wait and never which; one that was pulled and not done comes back when
its lease is over."""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import cache
from typing import Any

from analytics.queue.base import Broker

#: Seconds until a connection counts as refused, and until silence on it ends it; tries in all.
#: botocore's own (60, 60, 5) would keep whoever asks for a run waiting for minutes.
CONNECT, READ, TRIES = 3, 15, 2
_WAITING = "ApproximateNumberOfMessages"


@cache
def _client(region: str, process: int) -> Any:
    """One per process: django-q2's are forked, and two that speak on one connection take each
    other's answers. Without keys there is none, and they are looked for again."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoCredentialsError

    session = boto3.session.Session(region_name=region)
    if session.get_credentials() is None:
        raise NoCredentialsError
    limits = Config(
        connect_timeout=CONNECT,
        read_timeout=READ,
        retries={"mode": "standard", "total_max_attempts": TRIES},
    )
    return session.client("sqs", config=limits)


@cache
def _url(region: str, name: str) -> str:
    """Where the queue of that name is; whoever comes first makes it."""
    client = _client(region, os.getpid())
    try:
        return client.get_queue_url(QueueName=name)["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        return client.create_queue(QueueName=name)["QueueUrl"]


class SqsBroker(Broker):
    """Messages of the prefix's queues in that region."""

    LISTS = False

    def __init__(self, *, region: str, prefix: str) -> None:
        self.region = region
        self.prefix = prefix

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        from botocore.exceptions import BotoCoreError, ClientError

        return (BotoCoreError, ClientError)

    def ask(self, operation: str, cluster: str, **told: Any) -> dict[str, Any]:
        """Do it with a cluster's queue."""
        client = _client(self.region, os.getpid())
        name = f"{self.prefix}-{cluster}"
        try:
            return getattr(client, operation)(QueueUrl=_url(self.region, name), **told)
        except client.exceptions.QueueDoesNotExist:
            _url.cache_clear()  # somebody removed it, with all that waited
            return getattr(client, operation)(QueueUrl=_url(self.region, name), **told)

    def lengths(self, clusters: Collection[str]) -> dict[str, int]:
        return {cluster: self.count(cluster, _WAITING) for cluster in clusters}

    def count(self, cluster: str, attribute: str) -> int:
        """A number that SQS tells of a cluster's queue."""
        told = self.ask("get_queue_attributes", cluster, AttributeNames=[attribute])
        return int(told["Attributes"][attribute])
