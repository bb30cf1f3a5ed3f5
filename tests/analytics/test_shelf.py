"""What was asked for last is kept, as much of it as there is room for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.shelf import Shelf


@pytest.fixture
def shelf() -> Shelf[str]:
    return Shelf(lambda: 6, len)


def kept(shelf: Shelf[str]) -> list[str | None]:
    return [shelf.get(key) for key in range(4)]


def test_those_not_used_for_longest_go(shelf):
    for key, text in enumerate(("aa", "bb", "cc")):
        shelf.put(key, text)
    shelf.use(0)
    shelf.put(3, "ddd")
    assert kept(shelf) == ["aa", None, None, "ddd"]


def test_a_value_that_grows_takes_the_room_of_others(shelf):
    shelf.put(0, "aa")
    shelf.put(1, "bb")
    shelf.put(1, "bbbbb")
    assert kept(shelf) == [None, "bbbbb", None, None]
    shelf.put(1, "b")
    shelf.put(2, "ccccc")
    assert kept(shelf) == [None, "b", "ccccc", None]


def test_what_is_too_large_stays_away(shelf):
    shelf.put(0, "aa")
    shelf.put(1, "b" * 7)
    assert len(shelf) == 0
    shelf.put(2, "c" * 6)
    assert kept(shelf) == [None, None, "c" * 6, None]


def test_nothing_is_left_after_clearing(shelf):
    shelf.put(0, "aaaaaa")
    shelf.clear()
    shelf.put(1, "bbbbbb")
    assert kept(shelf) == [None, "bbbbbb", None, None]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=60))
def test_there_is_never_more_than_there_is_room_for_and_never_less_than_fits(turns):
    shelf: Shelf[str] = Shelf(lambda: 20, len)
    order: dict[int, int] = {}
    for key, size in turns:
        shelf.put(key, "x" * size)
        order.pop(key, None)
        order[key] = size
        while sum(order.values()) > 20:
            order.pop(next(iter(order)))
        assert {k: len(shelf.get(k) or "") for k in range(6) if shelf.get(k) is not None} == order
