"""What was asked for last, as much of it as there is room for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Shelf(Generic[Value]):
    """Values by market, the one used last at the end; those that were not used for longest go where
    all of them are larger than `most`. Sizes are not summed anew at every turn, for that grows with
    the markets. Threads that share it hold a lock of their own."""

    def __init__(self, most: Callable[[], int], size: Callable[[Value], int]) -> None:
        self._most, self._size_of, self._size = most, size, 0
        self._held: OrderedDict[int, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: int) -> Value | None:
        """What is kept under it, which is not used by that."""
        found = self._held.get(key)
        return None if found is None else found[0]

    def put(self, key: int, value: Value) -> None:
        """In place of what is there, and used now. A value that is too large by itself stays away,
        with all others."""
        _value, before = self._held.get(key, (None, 0))
        size = self._size_of(value)
        self._size += size - before
        self._held[key] = value, size
        self.use(key)
        while self._size > self._most():
            _key, (_value, gone) = self._held.popitem(last=False)
            self._size -= gone

    def use(self, key: int) -> None:
        """Say that it is used now."""
        self._held.move_to_end(key)

    def clear(self) -> None:
        """Forget all of them."""
        self._held.clear()
        self._size = 0
