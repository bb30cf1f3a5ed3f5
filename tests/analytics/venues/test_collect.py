"""Many markets at many venues: one failure stops nobody, a day of it loses and doubles nothing."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from dataclasses import replace

import pytest

from analytics.venues.book import Pair
from analytics.venues.collect import Order, Reading, collect, collect_all, make_order
from analytics.venues.errors import BadVenueConfig, NotOffered, UnknownVenue
from analytics.venues.fetch.state import VenueState
from analytics.venues.options import VenueOptions
from analytics.venues.registry import VenueSpec, registered
from tests.analytics.venues.conftest import NOW, PLAYED, played_order
from tests.playing.server import PlayingServer
from tests.venue_server import markets


def all_of(orders: list[Order], *given, **more) -> tuple[list[Reading], dict[str, VenueState]]:
    """Readings in the order of the orders, and the states of the venues after the last of each."""
    readings = list(collect_all(orders, *given, **more))
    states = {reading.order.venue: reading.state for reading in readings}
    return sorted(readings, key=lambda reading: orders.index(reading.order)), states


def test_one_venues_failure_never_stops_another(playing, setting, identities):
    playing.break_venue("okx_p2p", "html")
    orders = [played_order(playing, venue) for venue in PLAYED]
    readings, states = all_of(orders, identities, setting=setting, parallel=1)
    assert [reading.order.venue for reading in readings] == list(PLAYED)
    failed = {reading.order.venue: reading.error for reading in readings if reading.error}
    assert set(failed) == {"okx_p2p"}
    assert states["okx_p2p"].failures == 1
    assert all(states[venue].failures == 0 for venue in PLAYED if venue != "okx_p2p")


def test_venues_are_read_beside_each_other(playing, setting, identities):
    orders = [played_order(playing, venue) for venue in PLAYED if venue != "spot"]
    readings, states = all_of(orders, identities, setting=setting, parallel=4)
    assert [reading.order for reading in readings] == orders
    assert not [reading.error for reading in readings if reading.error]
    assert len(states) == len(orders)


def test_a_reading_is_there_before_a_slow_venue_has_answered(playing, setting, identities):
    playing.break_venue("okx_p2p", "hang")
    orders = [played_order(playing, "okx_p2p", timeout=2), played_order(playing, "yadio")]
    first = next(collect_all(orders, identities, setting=setting, parallel=2))
    assert first.order.venue == "yadio"
    assert first.quote is not None


def test_whoever_stops_listening_ends_the_visits(playing, setting, identities):
    orders = [
        make_order(venue, Pair("USDT", fiat), {"base_url": playing.url})
        for venue in ("yadio", "criptoya")
        for fiat in ("VES", "BOB", "ARS", "USD")
    ]
    readings = collect_all(orders, identities, setting=setting, parallel=2)
    next(readings)
    readings.close()
    asked = len(playing.requests)
    assert asked < len(orders)


def test_markets_of_one_venue_share_its_breaker(playing, setting, identities):
    playing.break_venue("criptoya", "blocked")
    orders = [
        make_order("criptoya", Pair("USDT", fiat), {"base_url": playing.url}, tag=fiat)
        for fiat in ("VES", "BOB", "ARS")
    ]
    readings, states = all_of(orders, identities, {}, setting)
    assert [reading.error.code for reading in readings] == ["blocked", *["circuit_open"] * 2]
    assert [reading.order.tag for reading in readings] == ["VES", "BOB", "ARS"]
    assert len(playing.requests) == 1
    again, _ = all_of(orders, identities, states, setting)
    assert {reading.error.code for reading in again} == {"circuit_open"}


def test_an_adapters_own_fault_is_an_error_of_that_reading(setting, identities, caplog):
    name = "-".join(["Invented", "000001"])

    def broken(visit):
        raise KeyError(name)

    spec = VenueSpec(name="broken", title="Broken", options=VenueOptions, quote=broken)
    with registered(spec):
        order = make_order("broken", Pair("USDT", "VES"))
        reading = collect(order, identities, setting=setting)
    assert reading.error.code == "collection_failed"
    assert "KeyError" in reading.error.message
    assert reading.state.failures == 1
    assert "in broken" in caplog.text
    assert name not in caplog.text + str(reading)


def test_a_market_the_venue_does_not_know_is_refused_by_it(playing, setting, identities):
    order = make_order("okx_p2p", Pair("DOGE", "VES"), {"base_url": playing.url})
    assert collect(order, identities, setting=setting).error.code == "refused"


def test_a_venue_that_is_gone_does_not_stop_the_others(playing, setting, identities):
    gone = replace(played_order(playing, "yadio"), venue="closed_down")
    readings, _ = all_of([gone, played_order(playing, "yadio")], identities, {}, setting)
    assert readings[0].error.code == "unknown_venue"
    assert readings[1].quote is not None


def test_a_reference_price_far_away_leaves_no_quote(read):
    reading = read("binance_p2p", reference=1)
    assert reading.quote is None
    assert reading.error.code == "empty_book"
    assert reading.error.details["dropped"]["ask:off_reference"] > 30
    assert reading.book is not None


@pytest.mark.parametrize(
    ("given", "kind", "field"),
    [
        ({"venue": "nowhere"}, UnknownVenue, "venue"),
        ({"options": {"max_page": 3}}, BadVenueConfig, "max_page"),
        ({"options": {"max_pages": 0}}, BadVenueConfig, "max_pages"),
        ({"options": {"max_pages": "many"}}, BadVenueConfig, "max_pages"),
        ({"options": {"timeout": float("nan")}}, BadVenueConfig, "timeout"),
        ({"options": {"payments": ["<script>"]}}, BadVenueConfig, "payments"),
        ({"options": {"merchants_only": "yes"}}, BadVenueConfig, "merchants_only"),
        ({"options": {"base_url": "ftp://x"}}, BadVenueConfig, "base_url"),
        ({"options": {"base_url": "https://u:p@x.example"}}, BadVenueConfig, "base_url"),
        ({"options": {"amount": "-3"}}, BadVenueConfig, "amount"),
        ({"method": "mean"}, BadVenueConfig, "method"),
        ({"want": "quote"}, NotOffered, "want"),
    ],
)
def test_a_wrong_order_names_what_is_wrong(given, kind, field):
    venue = given.pop("venue", "binance_p2p")
    with pytest.raises(kind) as caught:
        make_order(venue, Pair("USDT", "VES"), **given)
    assert field in caught.value.fields


@pytest.mark.parametrize("asset", ["", "US DT", "../x", "x" * 30])
def test_a_pair_is_made_of_codes(asset):
    with pytest.raises(BadVenueConfig):
        Pair(asset, "VES")


def test_a_private_address_is_refused_for_every_venue_unless_it_is_allowed(
    playing, setting, identities
):
    strict = replace(setting, rules=replace(setting.rules, allow_private=False))
    for venue in set(PLAYED) - {"spot"}:
        reading = collect(played_order(playing, venue), identities, setting=strict)
        assert reading.error.code == "forbidden_address"
    assert playing.requests == []


def test_a_day_of_five_markets_loses_and_doubles_nothing(clock, setting, identities, caplog):
    """24 hours in accelerated time, every half hour, with venues failing in turn: each
    order gives a quote or an error with a reason, time only moves on, and what fails recovers."""
    caplog.set_level(logging.ERROR)
    orders_of = [("binance_agent", "VES"), ("criptoya", "BOB"), ("yadio", "ARS"),
                 ("dolarapi", "VES"), ("criptoya", "ARS")]  # fmt: skip
    faults = ["", "html", "", "truncated", "rate_limited_long", "", "clock_ahead", "empty_book"]
    quotes: dict[str, list[dt.datetime]] = defaultdict(list)
    errors: list[str] = []
    states: dict[str, VenueState] = {}
    with PlayingServer(markets(), clock=clock) as server:
        orders = [
            make_order(venue, Pair("USDT", fiat), {"base_url": server.url}, tag=f"{venue}:{fiat}")
            for venue, fiat in orders_of
        ]
        for step in range(24 * 2):
            clock.now = max(clock.now, NOW + dt.timedelta(minutes=30 * step))
            server.heal()
            if fault := faults[step % len(faults)]:
                server.break_venue(orders_of[step % 5][0], fault)
            readings, after = all_of(orders, identities, states, setting, parallel=1)
            states |= after
            for reading in readings:
                assert (reading.quote is None) != (reading.error is None)
                if reading.error is not None:
                    errors.append(reading.error.code)
                else:
                    quotes[reading.order.tag].append(reading.quote.taken_at)
    assert sum(map(len, quotes.values())) + len(errors) == 5 * 48
    assert "collection_failed" not in errors
    for times in quotes.values():
        assert times == sorted(set(times))
        assert len(times) > 30
    assert clock.now - NOW < dt.timedelta(hours=24, minutes=5)
    assert not caplog.records
