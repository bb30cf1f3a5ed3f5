"""Every bad way a venue can answer is an error with a reason, never a wrong quote."""

from __future__ import annotations

import pytest

from tests.analytics.venues.conftest import FACE, PLAYED
from tests.playing.faults import FAULTS

LISTS = ("binance_p2p", "binance_agent", "bybit_p2p", "okx_p2p")
ALL = tuple(PLAYED)

#: Fault -> (the code of the error, the venues it is played at).
EXPECTED = {
    "html": ("not_json", ALL),
    "captcha": ("captcha", ALL),
    "challenge": ("captcha", ALL),
    "truncated": ("truncated", ALL),
    "broken_off": ("truncated", ALL),
    "not_utf8": ("not_json", ALL),
    "empty_body": ("not_json", ALL),
    "too_large": ("too_large", ALL),
    "bomb": ("too_large", ALL),
    "rate_limited": ("rate_limited", ALL),
    "rate_limited_long": ("rate_limited", ALL),
    "blocked": ("blocked", ALL),
    "server_error": ("server_trouble", ALL),
    "not_found": ("refused", ALL),
    "redirect_other": ("redirected", ALL),
    "redirect_inside": ("redirected", ALL),
    "clock_ahead": ("clock_jump", ALL),
    "clock_behind": ("clock_jump", ALL),
    "stale_cache": ("stale_answer", ALL),
    "venue_error": ("venue_error", (*LISTS, "json")),
    "missing_field": ("shape_changed", (*LISTS, "yadio", "dolarapi", "json")),
    "changed_type": ("shape_changed", (*LISTS, "criptoya", "dolarapi", "json")),
    "null_price": ("shape_changed", (*LISTS, "json")),
    "zero_price": ("nonsense_price", (*LISTS, "dolarapi", "json")),
    "negative_price": ("nonsense_price", (*LISTS, "dolarapi", "json")),
    "text_price": ("shape_changed", (*LISTS, "criptoya", "dolarapi", "json")),
    "huge_price": ("nonsense_price", (*LISTS, "criptoya", "dolarapi", "json")),
    "nan_price": ("shape_changed", (*LISTS, "criptoya", "dolarapi", "json")),
    "wrong_currency": ("wrong_market", (*LISTS, "yadio", "dolarapi", "spot", "json")),
    "wrong_side": ("wrong_market", LISTS),
    "huge_total": ("too_many_pages", ("binance_p2p", "bybit_p2p", "okx_p2p")),
    "empty_book": ("empty_book", (*LISTS, "criptoya")),
    "all_twice": ("repeated_ads", ("binance_p2p", "bybit_p2p", "okx_p2p")),
}
#: Faults that leave a good quote, and what is counted.
HARMLESS = {
    "one_bad_price": ("ask:unreadable", LISTS),
    "bait": ("ask:absurd", LISTS),
    "shifted_ads": ("ask:duplicate", ("binance_p2p", "bybit_p2p", "okx_p2p")),
    "offline": ("ask:offline", ("bybit_p2p",)),
}
#: Played, but told by tests of their own (they take time).
TIMED = {"slow", "hang"}


def test_every_fault_that_is_played_is_expected_somewhere():
    assert set(FAULTS) == {*EXPECTED, *HARMLESS, *TIMED}


@pytest.mark.parametrize(
    ("venue", "fault"),
    [(venue, fault) for fault, (_, venues) in EXPECTED.items() for venue in venues],
)
def test_a_bad_answer_is_an_error_with_a_reason(venue, fault, read, playing):
    playing.break_venue(FACE.get(venue, venue), fault)
    reading = read(venue)
    assert reading.quote is None
    assert reading.error.code == EXPECTED[fault][0]
    assert reading.error.message.endswith(".")
    assert len(reading.error.message) < 160


@pytest.mark.parametrize(
    ("venue", "fault"),
    [(venue, fault) for fault, (_, venues) in HARMLESS.items() for venue in venues],
)
def test_odd_ads_among_good_ones_are_counted_and_change_no_price(venue, fault, read, playing):
    healthy = read(venue).quote
    playing.break_venue(venue, fault)
    reading = read(venue)
    assert reading.quote.dropped[HARMLESS[fault][0]] > 0
    for side in ("ask", "bid"):
        now, then = getattr(reading.quote, side), getattr(healthy, side)
        assert float(now.price / then.price) == pytest.approx(1, abs=0.004)


@pytest.mark.parametrize("venue", ALL)
def test_a_venue_that_recovers_after_two_bad_answers_is_read(venue, read, playing, clock):
    playing.break_venue(FACE.get(venue, venue), "server_error", times=2)
    reading = read(venue)
    assert reading.error is None
    assert reading.quote is not None
    assert sum(clock.slept) > 0


def test_one_side_that_nobody_offers_leaves_the_other(read, playing):
    playing.stage.markets["USDT", "VES"].side = lambda side, when: (
        [] if side == "bid" else type(playing.stage.markets["USDT", "VES"]).side(
            playing.stage.markets["USDT", "VES"], side, when
        )
    )  # fmt: skip
    quote = read("okx_p2p").quote
    assert quote.bid is None
    assert quote.ask.offers > 30
    assert "one_sided" in quote.notes


def test_an_answer_that_never_comes_is_given_up(playing, setting, identities):
    import time
    from dataclasses import replace

    from analytics.venues.collect import collect
    from tests.analytics.venues.conftest import played_order

    playing.break_venue("okx_p2p", "hang")
    order = played_order(playing, "okx_p2p", timeout=1)
    once = replace(setting, attempts=1, monotonic=time.monotonic)
    reading = collect(order, identities, setting=once)
    assert reading.error.code == "timed_out"
    assert reading.seconds < 3


def test_an_answer_that_drips_is_given_up(playing, setting, identities):
    from dataclasses import replace
    from itertools import count

    from analytics.venues.collect import collect
    from tests.analytics.venues.conftest import played_order

    playing.break_venue("okx_p2p", "slow")
    # Every look at this clock is seven seconds later.
    ticks = count(0, 7)
    hasty = replace(setting, attempts=1, monotonic=lambda: float(next(ticks)))
    reading = collect(played_order(playing, "okx_p2p"), identities, setting=hasty)
    assert reading.error.code == "timed_out"
