"""Loose JSON becomes typed figures, or an error with the path of what is wrong."""

from __future__ import annotations

import contextlib
import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.venues import reading
from analytics.venues.errors import CollectionError, NonsensePrice, NotJson, ShapeChanged, Truncated
from analytics.venues.fetch.pages import MOST_ADS, Page, walk
from tests.analytics.venues.conftest import NOW, ad


def test_numbers_arrive_exactly():
    assert reading.parse_json(b'{"a": 0.1, "b": "36.50"}') == {"a": Decimal("0.1"), "b": "36.50"}
    assert reading.parse_json("\ufeff[1]".encode()) == [1]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", NotJson),
        (b"<!doctype html><p>", NotJson),
        (b"<html>", NotJson),
        (b"hello", NotJson),
        (b'{"a": NaN}', NotJson),
        (b"\xff\xfe", NotJson),
        (b"[" * 100_000, NotJson),
        (b'{"a": ' + b"9" * 5000 + b"}", NotJson),
        (b'{"a": [1, 2', Truncated),
        (b'{"a": "name of somebo', Truncated),
        (b'{"a": 1} trailing', NotJson),
    ],
)
def test_what_is_no_json(body, kind):
    with pytest.raises(kind) as caught:
        reading.parse_json(body)
    assert caught.value.__context__ is None
    assert "somebo" not in str(caught.value)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_a_price_is_a_price_or_an_error(value):
    with contextlib.suppress(ShapeChanged, NonsensePrice):
        assert reading.SMALLEST <= reading.price(value, "x") <= reading.LARGEST


@pytest.mark.parametrize("value", ["1" * 50, "٣٦", " ", "0x10", "1,5", True, [], {}])
def test_numbers_in_odd_clothes_are_refused(value):
    with pytest.raises(ShapeChanged):
        reading.number(value, "x")


@pytest.mark.parametrize("value", ["0", "-1", "1e-20", "1e16", "1e400"])
def test_no_market_has_such_a_price(value):
    with pytest.raises(NonsensePrice):
        reading.price(value, "x")


def test_percentages_become_fractions():
    assert reading.percent(98, "x") == Decimal("0.98")
    with pytest.raises(ShapeChanged):
        reading.percent(980, "x")
    with pytest.raises(ShapeChanged):
        reading.count("1.5", "x")


@pytest.mark.parametrize(
    ("value", "how"),
    [
        (int(NOW.timestamp()), "unix"),
        (str(int(NOW.timestamp())), "auto"),
        (int(NOW.timestamp() * 1000), "unix_ms"),
        (Decimal(NOW.timestamp() * 1000), "auto"),
        ("2026-05-04T12:00:00Z", "iso"),
        ("2026-05-04T08:00:00.000-04:00", "auto"),
        ("04/05/2026 12:00 +0000", "%d/%m/%Y %H:%M %z"),
    ],
)
def test_times_in_every_format(value, how):
    assert reading.moment(value, "t", how) == NOW
    assert reading.moment(value, "t", how).tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("2026-05-04T12:00:00", "iso"),
        ("yesterday", "auto"),
        (10**30, "unix"),
        (None, "auto"),
        (5, "iso"),
        ("04/05/2026", "%d/%m/%Y %z"),
    ],
)
def test_a_time_without_its_zone_is_no_time(value, how):
    with pytest.raises(ShapeChanged):
        reading.moment(value, "t", how)


# ------------------------------------------------------------------------------------- pages
def pages(*lengths, total=None, ids=None):
    """`ask` of a side whose pages have these lengths; ads are numbered on."""
    numbers = iter(ids or range(100_000))
    found = [[{"n": next(numbers)} for _ in range(length)] for length in lengths]

    def ask(number):
        return Page(found[number - 1] if number <= len(found) else [], total)

    return ask


def read_ad(raw, rank):
    return ad("10", rank=rank, ad_hash=str(raw["n"]))


def walked(ask, size=2, max_pages=10):
    return walk(ask, read_ad, size=size, max_pages=max_pages)


@pytest.mark.parametrize(
    ("ask", "count", "whole"),
    [
        (pages(2, 2, 1, total=5), 5, True),
        (pages(2, 2, 1), 5, True),
        (pages(2, 2), 4, True),
        (pages(0), 0, True),
        (pages(0, total=0), 0, True),
        (pages(*[2] * 50), 20, False),
        (pages(*[2] * 50, total=100), 20, False),
        (pages(7), 7, True),
        (pages(2, 2, 1, total=6), 5, True),
    ],
)
def test_a_side_ends_at_its_total_an_empty_or_a_short_page_or_the_bound(ask, count, whole):
    side = walked(ask)
    assert (len(side.ads), side.whole) == (count, whole)


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (pages(2, 2, total=100), "truncated"),
        (pages(2, total=MOST_ADS + 1), "too_many_pages"),
        (pages(2, 2, 2, 2, total=3), None),
        (pages(9, total=3), "too_many_pages"),
        (pages(2, 2, ids=[1, 2, 1, 2], total=9), "repeated_ads"),
        (pages(6, ids=[1, 1, 1, 1, 1, 1]), "repeated_ads"),
    ],
)
def test_pages_that_do_not_fit_together(ask, code):
    if code is None:
        assert len(walked(ask).ads) == 4
        return
    with pytest.raises(CollectionError) as caught:
        walked(ask)
    assert caught.value.code == code


def test_an_ad_listed_as_promoted_and_in_its_place_counts_in_its_place():
    def read(raw, rank):
        return ad("10", rank=rank, ad_hash=str(raw["n"]), promoted=rank == 0)

    side = walk(pages(3, ids=[1, 2, 1]), read, size=3, max_pages=1)
    assert [(a.ad_hash, a.promoted) for a in side.ads] == [("2", False), ("1", False)]
    assert side.dropped == ("duplicate",)


def test_few_unreadable_ads_are_counted_and_many_are_an_error():
    def read(raw, rank):
        if raw["n"] % bad == 0:
            raise ShapeChanged("no", fields={"price": "missing"})
        return read_ad(raw, rank)

    bad = 15
    side = walk(pages(30, total=30), read, size=30, max_pages=1)
    assert (len(side.ads), side.dropped) == (28, ("unreadable",) * 2)
    bad = 5
    with pytest.raises(ShapeChanged) as caught:
        walk(pages(30, total=30), read, size=30, max_pages=1)
    assert caught.value.details == {"unreadable": 6}


def test_an_ad_that_is_no_object_is_unreadable():
    with pytest.raises(ShapeChanged):
        walk(lambda number: Page(["text"], 1), read_ad, size=1, max_pages=1)
