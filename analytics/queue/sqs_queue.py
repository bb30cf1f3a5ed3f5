"""SQS as django-q2 asks for it. Its own class makes a connection for every message, keeps a length
that it was told once, shares one connection between forked processes, and either asks without a
pause or for 20 s in which no worker stops."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django_q.brokers import Broker
from django_q.conf import Conf

from analytics.exceptions import QueueAway
from analytics.queue.sqs import SqsBroker

logger = logging.getLogger(__name__)
#: Seconds that a worker which pulls waits for a message; so long it may take to stop.
WAIT = 3


class SqsQueue(Broker):
    """One cluster's. A message is known by the receipt of its last delivery."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self.there = SqsBroker(**settings.Q_CLUSTER["sqs"])

    def enqueue(self, task: str) -> str:
        return self.there.ask("send_message", self.list_key, MessageBody=task)["MessageId"]

    def dequeue(self) -> list[tuple[str, str]]:
        asked: dict[str, Any] = {"MaxNumberOfMessages": Conf.BULK, "VisibilityTimeout": Conf.RETRY}
        found = self.there.ask("receive_message", self.list_key, WaitTimeSeconds=WAIT, **asked)
        return [(one["ReceiptHandle"], one["Body"]) for one in found.get("Messages", ())]

    def acknowledge(self, task_id: str) -> None:
        """Where that fails the task is done all the same, and done again when its lease is over:
        nothing that the monitor of results should end for."""
        try:
            with self.there.asked():
                self.there.ask("delete_message", self.list_key, ReceiptHandle=task_id)
        except QueueAway as error:
            logger.warning("a message comes back in %s s: %s", Conf.RETRY, error)

    def fail(self, task_id: str) -> None:
        """What nobody can read is read by nobody later."""
        self.acknowledge(task_id)

    def queue_size(self) -> int:
        return self.there.lengths([self.list_key])[self.list_key]

    def lock_size(self) -> int:
        return self.there.count(self.list_key, "ApproximateNumberOfMessagesNotVisible")

    def info(self) -> str:
        return "Amazon SQS"
