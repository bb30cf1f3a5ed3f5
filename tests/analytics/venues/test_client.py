"""Politeness: the pace, its jitter, retries, Retry-After, and the circuit breaker between them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import pairwise

import pytest

from analytics.venues.errors import (
    BadVenueConfig,
    Blocked,
    CircuitOpen,
    EmptyBook,
    RateLimited,
    ServerTrouble,
)
from analytics.venues.fetch import state as circuit
from analytics.venues.fetch.client import http_date, retry_after
from analytics.venues.fetch.state import VenueState, admit, failed, succeeded
from tests.analytics.venues.conftest import NOW

MINUTE = dt.timedelta(minutes=1)


def gaps(playing):
    times = [request.at for request in playing.requests]
    return [(b - a).total_seconds() for a, b in pairwise(times)]


def test_requests_of_a_venue_keep_their_distance_by_chance_a_little_more(read, playing):
    read("bybit_p2p")
    between = gaps(playing)
    assert len(between) == 5
    assert all(1.0 <= gap <= 1.5 for gap in between)
    assert len({round(gap, 3) for gap in between}) > 1


def test_the_pace_is_kept_between_two_readings(read, playing):
    first = read("criptoya")
    read("criptoya", state=first.state)
    assert 2.0 <= gaps(playing)[0] <= 3.0


def test_a_clock_that_was_set_back_does_not_make_a_reading_wait_for_hours(read, clock):
    state = VenueState(next_at=NOW + dt.timedelta(days=2))
    assert read("yadio", state=state).error is None
    assert sum(clock.slept) <= 31


def test_we_say_who_we_are(read, playing):
    read("yadio")
    assert playing.requests[0].agent.startswith("paralelo/")


def test_retries_back_off_and_are_bounded(read, playing, clock):
    playing.break_venue("yadio", "server_error")
    reading = read("yadio")
    assert reading.error.code == "server_trouble"
    assert len(playing.requests) == 3
    first, second = gaps(playing)
    assert first >= 2.0  # the pace of this venue; the back-off lies within it
    assert second >= 2.0
    assert sum(clock.slept) < 15


def test_retry_after_is_obeyed(read, playing, clock):
    playing.break_venue("yadio", "rate_limited", times=1)
    reading = read("yadio")
    assert reading.error is None
    assert gaps(playing)[0] >= 2.0


def test_a_long_retry_after_is_left_to_the_breaker(read, playing, clock):
    playing.break_venue("yadio", "rate_limited_long", times=1)
    reading = read("yadio")
    assert reading.error.code == "rate_limited"
    assert len(playing.requests) == 1
    assert reading.state.open_until == clock.now + dt.timedelta(seconds=900)
    again = read("yadio", state=reading.state)
    assert again.error.code == "circuit_open"
    assert again.error.retry_after == pytest.approx(900)
    assert len(playing.requests) == 1


@pytest.mark.parametrize("fault", ["html", "captcha", "blocked", "not_found", "redirect_other"])
def test_what_no_second_try_can_mend_is_asked_once(fault, read, playing):
    playing.break_venue("yadio", fault)
    read("yadio")
    assert len(playing.requests) == 1


def test_three_failures_in_a_row_open_the_circuit_and_a_success_closes_it(read, playing, clock):
    playing.break_venue("yadio", "html")
    state = VenueState()
    for _ in range(3):
        state = read("yadio", state=state).state
    assert state.open_until == clock.now + circuit.FIRST_PAUSE
    asked = len(playing.requests)
    assert read("yadio", state=state).error.code == "circuit_open"
    assert len(playing.requests) == asked
    playing.heal("yadio")
    clock.now = state.open_until
    healed = read("yadio", state=state)
    assert healed.error is None
    assert healed.state.failures == 0
    assert healed.state.open_until is None


def test_a_trial_that_fails_doubles_the_pause_up_to_a_longest():
    state, now, pauses = VenueState(), NOW, []
    for _ in range(14):
        state = failed(state, ServerTrouble("x"), now)
        if state.open_until:
            pauses.append(state.open_until - now)
            now = state.open_until
            admit(state, now)
    assert pauses[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert pauses[-1] == circuit.LONGEST_PAUSE


def test_a_blocked_address_is_left_alone_at_once_for_ten_minutes():
    state = failed(VenueState(), Blocked("x"), NOW)
    assert state.open_until == NOW + 10 * MINUTE
    with pytest.raises(CircuitOpen) as caught:
        admit(state, NOW + 9 * MINUTE)
    assert "blocked" in caught.value.message


def test_an_endless_retry_after_is_cut():
    state = failed(VenueState(), RateLimited("x", retry_after=1e9), NOW)
    assert state.open_until == NOW + circuit.LONGEST_PAUSE


def test_an_empty_market_says_nothing_against_its_venue():
    state = VenueState(failures=2, last_error="timed_out")
    assert failed(state, EmptyBook("x"), NOW) == succeeded(state, NOW)


@pytest.mark.parametrize("fault", ["not_found", "wrong_currency", "zero_price"])
def test_one_wrong_market_does_not_shut_a_venue(fault, read, playing):
    playing.break_venue("okx_p2p", fault)
    state = VenueState()
    for _ in range(4):
        state = read("okx_p2p", state=state).state
    assert state.open_until is None


def test_a_state_goes_through_plain_values_unchanged():
    state = failed(VenueState(next_at=NOW), Blocked("x"), NOW)
    assert replace(state) == state
    assert VenueState(**{name: getattr(state, name) for name in state.__slots__}) == state


def test_a_wrong_configuration_is_not_held_against_the_venue(read):
    reading = read("spot", symbol="NOSUCH/COIN")
    assert isinstance(reading.error, BadVenueConfig)
    assert reading.state.failures == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Mon, 04 May 2026 12:01:30 GMT", 90.0),
        ("Mon, 04 May 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    assert retry_after(text, NOW) == seconds


def test_dates_of_headers_are_aware():
    assert http_date("Mon, 04 May 2026 12:00:00 GMT") == NOW
    assert http_date("Mon, 04 May 2026 12:00:00 -0000") == NOW
    assert http_date("yesterday") is None
