"""What is asked of a broker beside what django-q2 itself asks of it."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from analytics.exceptions import QueueAway

#: Names a message to the broker that gave it.
Key = Any


class Broker(ABC):
    """Messages of the clusters, by the clusters' names."""

    #: Whether versions that knew one cluster only may have left messages here.
    OF_OLD: ClassVar[bool] = False
    #: Whether it says which messages it has, and not how many alone. One that does not needs only
    #: `lengths`.
    LISTS: ClassVar[bool] = True

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What says that the broker is away. The database has words of its own for that."""
        return ()

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Around whatever asks the broker: its being away is QueueAway."""
        try:
            yield
        except self.errors as error:
            said = f"{type(error).__name__}: {error}"
            raise QueueAway(_("the queue's broker is away (%(why)s)") % {"why": said}) from error

    @abstractmethod
    def lengths(self, clusters: Collection[str]) -> dict[str, int]:
        """Messages that wait to be pulled; clusters without any may be left out."""

    def messages(self, clusters: Collection[str]) -> list[tuple[Key, Mapping[str, Any]]]:
        """Key and django-q2's package of every message, oldest first within a cluster."""
        raise NotImplementedError

    def pulled(self, before: dt.datetime, lease: Mapping[str, int]) -> set[Key]:
        """Of `messages` those that a cluster pulled before then; `lease`: seconds of each."""
        raise NotImplementedError

    def forget(self, keys: Collection[Key]) -> None:
        """Take messages out."""
        raise NotImplementedError

    def move(self, keys: Collection[Key], old: str, new: str) -> int:
        """Give those that wait for one cluster to another; answers how many."""
        raise NotImplementedError
