"""The newest forecasts, kept between requests: while nothing that one depends on has changed, the
network is not asked again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from django.db import connection

import ml


class Kept:
    """The newest answers of this process. Threads may share it."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._held: OrderedDict[Hashable, ml.Forecast] = OrderedDict()

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._held.clear()

    def get(self, key: Hashable) -> ml.Forecast | None:
        """What was answered under that key, or None."""
        with self._lock:
            return self._held.get(key)

    def put(self, key: Hashable, forecast: ml.Forecast) -> None:
        """Not within a transaction: what it wrote may be undone, and its revision given again."""
        if connection.in_atomic_block:
            return
        with self._lock:
            self._held[key] = forecast
            if len(self._held) > self._most:
                self._held.popitem(last=False)


newest = Kept(most=1024)
