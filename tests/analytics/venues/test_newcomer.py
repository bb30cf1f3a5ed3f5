"""A new venue is one file, or none: both ways are tried against the same unknown service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analytics.venues.book import Pair
from analytics.venues.collect import collect, make_order
from analytics.venues.errors import BadVenueConfig
from tests.analytics.venues.conftest import PLAYED, played_order

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
from analytics.venues import adapters
adapters.__path__.append(sys.argv[1])
from analytics.venues.book import Pair
from analytics.venues.collect import collect, make_order
from analytics.venues.fetch.client import Setting
from analytics.venues.fetch.guard import HttpRules
from analytics.venues.identity import Identities
from analytics.venues.registry import list_venues
assert "dolarito" in [spec.name for spec in list_venues()]
order = make_order("dolarito", Pair("USDT", "ARS"), {"base_url": sys.argv[2], "max_skew": 86400,
                                                     "max_age": 86400})
rules = HttpRules(https_only=False, allow_private=True)
reading = collect(order, Identities(b"0123456789abcdef"), setting=Setting(rules=rules))
assert reading.error is None, reading.error
print(reading.quote.ask.price, reading.quote.bid.price)
print([name for name in sys.modules if name.split(".")[0] in ("django", "torch", "ccxt", "ml")])
"""


def test_one_file_in_the_folder_makes_a_venue(identities):
    """In a process of its own: what registers there stays there. It also shows what the room
    loads: no Django, no torch, no ccxt."""
    from tests.playing.server import PlayingServer
    from tests.venue_server import markets

    with PlayingServer(markets()) as server:
        folder = Path(__file__).parent / "newcomer"
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(folder), server.url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    prices, loaded = ran.stdout.splitlines()
    ask, bid = map(float, prices.split())
    assert 1300 < bid < ask < 1700
    assert loaded == "[]"


def test_the_same_service_without_code(read, playing):
    quote = read("json").quote
    assert quote.ask.price > quote.bid.price
    assert [request.venue for request in playing.requests] == ["dolarito"]


#: What a newcomer wrote for an answer like {"oficial": {"buy", "sell", ...}, "cripto": {...}}.
FLAT = {
    "ask": "cripto.sell",
    "bid": "cripto.buy",
    "time": "cripto.timestamp",
    "time_format": "unix_ms",
    "headers": {"auth-client": "a key"},
}


def flat_order(playing, **changes):
    url = f"{playing.url}/api/frontend/quotations/dolar"
    return make_order("json", Pair("USDT", "ARS"), {"url": url, **FLAT, **changes})


def test_a_rate_per_name_is_read_without_code(playing, setting, identities, clock):
    reading = collect(flat_order(playing), identities, setting=setting)
    quote = reading.quote
    assert 1300 < quote.bid.price < quote.ask.price < 1700
    assert quote.server_time.replace(microsecond=0) == clock.now.replace(microsecond=0)
    official = flat_order(playing, ask="oficial.sell", bid="oficial.buy")
    cheaper = collect(official, identities, reading.state, setting).quote
    assert cheaper.ask.price < quote.bid.price


def test_a_slip_of_the_newcomer_is_named(playing, setting, identities):
    error = collect(flat_order(playing, ask="cripto.sel"), identities, setting=setting).error
    assert (error.code, list(error.fields)) == ("shape_changed", ["ask"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "example.com/x"}, "url"),
        ({"url": "https://user:pw@example.com/"}, "url"),
        ({"ask": "quotations..sell"}, "ask"),
        ({"ask": "", "bid": ""}, "ask"),
        ({"bid": "x" * 301}, "bid"),
        ({"time_format": "%Y-%m-%d"}, "time_format"),
        ({"method": "PUT"}, "method"),
        ({"body": {"a": 1}}, "body"),
        ({"body": "text", "method": "POST"}, "body"),
        ({"headers": {"Host": "elsewhere"}}, "headers"),
        ({"headers": {"X-Key": "a\r\nb"}}, "headers"),
        ({"headers": {"X Key": "a"}}, "headers"),
        ({"headers": {"X-Key": 5}}, "headers"),
        ({"max_age": 1}, "max_age"),
        ({"base_url": "https://example.com"}, "base_url"),
        ({"jsonpath": "$.x"}, "jsonpath"),
    ],
)
def test_a_wrong_configuration_names_the_field(changes, field):
    options = {"url": "https://example.com/", **PLAYED["json"][1], **changes}
    with pytest.raises(BadVenueConfig) as caught:
        make_order("json", Pair("USDT", "ARS"), options)
    assert list(caught.value.fields) == [field]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ask": "quotations.blue.sell"}, "shape_changed"),
        ({"ask": "quotations.cripto.name"}, "shape_changed"),
        ({"ask": "quotations"}, "shape_changed"),
        ({"ask": "sum(quotations)"}, "shape_changed"),
        ({"healthy": "status == 'fine'"}, "venue_error"),
        ({"check_asset": "quotations.cripto.currency"}, "wrong_market"),
        ({"time_format": "iso"}, "shape_changed"),
        ({"time_format": "unix"}, "shape_changed"),
    ],
)
def test_an_expression_that_does_not_fit_is_an_error_that_names_it(changes, code, read):
    error = read("json", **changes).error
    assert error.code == code
    if code == "shape_changed":
        assert list(error.fields) == [next(iter(changes)).replace("time_format", "time")]


def test_expressions_may_compute(read):
    quote = read("json", ask="max([quotations.cripto.sell, quotations.cripto.buy])").quote
    assert quote.ask.price > quote.bid.price


def test_an_old_price_is_refused(read, playing, clock, setting, identities):
    import datetime as dt
    from dataclasses import replace

    late = replace(setting, clock=lambda: clock.now + dt.timedelta(minutes=20))
    order = played_order(playing, "json", max_skew=86_400)
    assert collect(order, identities, setting=late).error.code == "stale_answer"


def test_currencies_are_put_into_address_and_body(playing, setting, identities):
    """Any venue can be asked this way, a POST with a body among them."""
    order = make_order(
        "json",
        Pair("USDT", "VES"),
        {
            "url": playing.url + "/fiat/otc/item/online",
            "method": "POST",
            "body": {"tokenId": "{asset}", "currencyId": "{fiat}", "side": "1", "size": "20",
                     "page": "1", "list": ["{fiat_lower}"]},
            "ask": "result.items[0].price",
            "ask_volume": "result.items[0].lastQuantity",
            "check_fiat": "result.items[0].currencyId",
        },
    )  # fmt: skip
    reading = collect(order, identities, setting=setting)
    assert reading.quote.ask.volume > 0
    assert playing.requests[-1].values["currencyId"] == "VES"
    assert playing.requests[-1].values["list"] == ["ves"]


def test_nothing_in_a_currency_can_lead_elsewhere():
    from analytics.venues.adapters.json_http import filled
    from analytics.venues.aggregate import path_part

    assert filled("https://x.example/{asset_lower}/{fiat}", Pair("USDT", "V-E.S")) == (
        "https://x.example/usdt/V-E.S"
    )
    assert path_part("../admin?x=1") == "..%2Fadmin%3Fx%3D1"
