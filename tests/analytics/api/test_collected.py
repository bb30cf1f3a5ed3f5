"""What collecting makes of a market, through the API and real services."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import OperationalError
from django.utils import timezone

from analytics import views
from analytics.models import Market, StoredBook
from analytics.services.collection import rounds
from analytics.services.collection.books import book_read
from analytics.venues.depth import pack_book
from tests import factories
from tests.playing.server import PlayingServer
from tests.venue_server import markets

from .conftest import assert_error

pytestmark = pytest.mark.django_db


@pytest.fixture
def collected(settings) -> dict[str, Market]:
    """Four markets, read once just now."""
    settings.ANALYTICS = {**settings.ANALYTICS, "ALLOW_PRIVATE_ADDRESSES": True}
    symbols = ("USDT/VES@okx_p2p", "USDT/VES@bybit_p2p", "USDT/BOB@okx_p2p", "USD/VES@yadio")
    made = {symbol: factories.make_market(symbol) for symbol in symbols}
    with PlayingServer(markets()) as server:
        for symbol, market in made.items():
            venue = symbol.partition("@")[2]
            factories.make_source(market, venue, enabled=True, options={"base_url": server.url})
        found = rounds.collect_due()
    assert found.stored == 4, found
    return made


def test_the_price_for_an_amount_walks_the_book(api, collected):
    market = collected["USDT/VES@okx_p2p"]
    path = f"markets/{market.pk}/price?side=buy&amount=5000&currency=fiat&min_completion=0.95"
    found = api.get(path).json()
    assert found["complete"]
    assert found["fiat"] == 5000
    assert found["price"] == pytest.approx(5000 / found["asset"], rel=1e-6)
    assert found["price"] >= found["best"]
    assert found["slippage"] == pytest.approx(found["price"] / found["best"] - 1, abs=1e-6)
    assert sum(order["fiat"] for order in found["orders"]) == pytest.approx(5000)
    assert all(len(order["advertiser"]) == 16 for order in found["orders"])
    assert not found["stale"]
    assert found["age_seconds"] < 120
    method = found["orders"][0]["payment_methods"][0]
    only = api.get(f"{path}&payment={method}").json()
    assert only["dropped"]["wrong_payment"] > 0
    sold = api.get(f"markets/{market.pk}/price?side=sell&amount=20&currency=asset").json()
    assert sold["asset"] == 20
    assert sold["price"] < found["price"]


def test_the_price_says_how_it_moved_and_that_it_is_old(api, collected):
    market = collected["USDT/VES@okx_p2p"]
    book = StoredBook.objects.get(market=market)
    whole = book_read(book)
    StoredBook.objects.all().delete()
    for hours in range(40, 0, -1):
        taken = whole.taken_at - dt.timedelta(hours=hours)
        cheap = [type(ad)(**{**_values(ad), "price": ad.price / 2}) for ad in whole.asks]
        moved = type(whole)(**{**_values(whole), "taken_at": taken, "asks": tuple(cheap)})
        StoredBook.objects.create(market=market, taken_at=taken, data=pack_book(moved))
    old = api.get(f"markets/{market.pk}/price?side=buy&amount=5000").json()
    assert old["stale"]
    StoredBook.objects.create(market=market, taken_at=whole.taken_at, data=pack_book(whole))
    found = api.get(f"markets/{market.pk}/price?side=buy&amount=5000").json()
    assert not found["stale"]
    points = found["day"]["points"]
    assert 8 <= len(points) <= 12
    assert points == sorted(points, key=lambda point: point["at"])
    assert points[0]["at"] >= (whole.taken_at - dt.timedelta(hours=24)).isoformat()[:19]
    assert found["day"]["change"] == pytest.approx(found["price"] / points[0]["price"] - 1)
    assert found["day"]["change"] > 0.5


def _values(frozen) -> dict:
    return {name: getattr(frozen, name) for name in type(frozen).__slots__}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "side"),
        ("side=buy", "amount"),
        ("side=hold&amount=5", "side"),
        ("side=buy&amount=0", "amount"),
        ("side=buy&amount=-5", "amount"),
        ("side=buy&amount=nan", "amount"),
        ("side=buy&amount=1e30", "amount"),
        ("side=buy&amount=5&currency=gold", "currency"),
        ("side=buy&amount=5&min_completion=2", "min_completion"),
        ("side=buy&amount=5&colour=red", "colour"),
    ],
)
def test_a_wrong_amount_names_what_is_wrong(refused, market, query, field):
    refused(f"markets/{market.pk}/price?{query}", method="GET", field=field)


def test_without_a_book_there_is_no_price_and_no_depth(api, market, quotes):
    for path in ("price?side=buy&amount=5", "depth"):
        assert_error(api.get(f"markets/{market.pk}/{path}"), 409, "no_book")


def test_a_kept_book_that_is_broken_is_our_fault(api, market):
    StoredBook.objects.create(market=market, taken_at=timezone.now(), data=b"nonsense")
    assert_error(api.get(f"markets/{market.pk}/depth"), 503, "broken_book")


def test_depth_stands_per_payment_method(api, collected):
    market = collected["USDT/VES@okx_p2p"]
    found = api.get(f"markets/{market.pk}/depth").json()
    asks = [level["price"] for level in found["ask"]]
    assert asks == sorted(asks)
    method, fiat = next(iter(found["methods"]["ask"].items()))
    part = api.get(f"markets/{market.pk}/depth?payment={method}").json()
    assert sum(level["fiat"] for level in part["ask"]) == pytest.approx(fiat)
    assert len(part["ask"]) < len(asks)
    early = api.get(f"markets/{market.pk}/depth?at=2020-01-01T00:00:00Z")
    assert_error(early, 409, "no_book")


def test_chances_come_from_fresh_markets_and_after_fees(api, collected):
    market = collected["USDT/VES@okx_p2p"]
    path = f"markets/{market.pk}/arbitrage?amount=20000"
    found = api.get(path).json()
    assert found["left_out"] == []
    cycles = [c for c in found["cycles"] if c["sell"]["market"] == "USDT/BOB"]
    assert cycles
    for chance in cycles:
        assert chance["rate"] == pytest.approx(chance["end"] / 20000, rel=1e-6)
        assert chance["buy"]["given"] == 20000
        assert chance["assured"]
    free = max(chance["rate"] for chance in cycles)
    dear = api.get(f"{path}&trade_percent=1").json()["cycles"]
    assert max(c["rate"] for c in dear if c["sell"]["market"] == "USDT/BOB") < 0.99 * free
    for chance in found["across"]:
        assert chance["gain"] > 0
        assert {chance["buy"]["venue"], chance["sell"]["venue"]} <= {"okx_p2p", "bybit_p2p"}


def test_a_planted_difference_is_a_chance(api, market):
    """Two markets of one pair: the other one pays two percent more than this one wants."""
    other = factories.make_market("USDT/BOB@elsewhere")
    now = timezone.now()
    for place, (bid, ask) in ((market, (9.9, 10.0)), (other, (10.2, 10.4))):
        place.prices.create(timestamp=now, bid=bid, ask=ask)
    found = api.get(f"markets/{market.pk}/arbitrage?amount=1000").json()
    (chance,) = found["across"]
    assert chance["gain"] == pytest.approx(0.02)
    assert not chance["assured"]
    assert (chance["buy"]["venue"], chance["sell"]["venue"]) == ("binance_p2p", "elsewhere")
    assert (
        api.get(f"markets/{market.pk}/arbitrage?amount=1000&transfer_percent=3").json()["across"]
        == []
    )
    other.prices.update(timestamp=now - dt.timedelta(minutes=11))
    stale = api.get(f"markets/{market.pk}/arbitrage?amount=1000").json()
    assert (stale["across"], stale["left_out"]) == ([], [other.symbol])


def test_a_cycle_is_compared_with_the_rate_between_the_fiats(api, market):
    now = timezone.now()
    ves = factories.make_market("USDT/VES@elsewhere")
    factories.make_source(ves, enabled=True)
    market.prices.create(timestamp=now, bid=9.9, ask=10)
    ves.prices.create(timestamp=now, bid=400, ask=410)
    factories.make_market("BOB/VES@aggregator").prices.create(timestamp=now, price=32)
    (cycle,) = api.get(f"markets/{market.pk}/arbitrage?amount=1000").json()["cycles"]
    assert cycle["rate"] == pytest.approx(40)
    assert cycle["beats"] == pytest.approx(40 / 32 - 1)


def test_context_places_the_last_quote(api, market):
    now = timezone.now()
    for k in range(100):
        market.prices.create(
            timestamp=now - dt.timedelta(hours=k), bid=10 - k / 100, ask=10.1 - k / 100
        )
    found = api.get(f"markets/{market.pk}/context").json()
    assert found["rows"] == found["now"]["ask"]["n"] == 100
    assert found["now"]["ask"]["percentile"] == 99.5
    assert found["now"]["ask"]["value"] == pytest.approx(10.1)
    assert found["now"]["spread_pct"]["percentile"] < 1
    assert found["now"]["ask_volume"] is None
    assert found["hours"] == {"buy": None, "sell": None}
    assert not found["stale"]
    empty = factories.make_market("USDT/ARS@x")
    assert_error(api.get(f"markets/{empty.pk}/context"), 400, "no_history")


def test_gaps_are_listed_and_the_one_that_lasts_comes_first(api, market):
    now = timezone.now()
    for minutes in (600, 590, 400, 395):
        market.prices.create(timestamp=now - dt.timedelta(minutes=minutes), price=1)
    found = api.get(f"markets/{market.pk}/gaps?minutes=60").json()
    assert [round(gap["minutes"]) for gap in found["gaps"]] == [395, 190]
    assert [gap["end"] is None for gap in found["gaps"]] == [True, False]
    assert found["count"] == 2
    assert api.get(f"markets/{market.pk}/gaps?minutes=500").json()["gaps"] == []


def test_a_collected_market_is_stale_after_three_missed_readings(api, collected):
    market = collected["USDT/VES@okx_p2p"]
    path = f"markets/{market.pk}/collection"
    fresh = api.get(path).json()
    assert (fresh["stale"], fresh["limit_minutes"]) == (False, 15)
    assert fresh["source"]["readings"] == 1
    assert fresh["source"]["errors"] == {"not_json": 1}
    market.prices.update(timestamp=timezone.now() - dt.timedelta(minutes=16))
    assert api.get(path).json()["stale"]
    assert api.get(f"markets/{market.pk}").json()["freshness"]["stale"]
    market.source.enabled = False
    market.source.save()
    assert not api.get(path).json()["stale"]


def test_readyz_counts_stale_markets_and_names_them_to_readers(api, as_user, client, market):
    factories.make_source(market, enabled=True)
    factories.make_quotes(market, 3, end=timezone.now() - dt.timedelta(hours=1))
    found = api.get("/readyz").json()
    assert (found["ready"], found["collected"], found["stale"]) == (True, 1, 1)
    assert found["stale_markets"] == [market.symbol]
    market.prices.create(timestamp=timezone.now(), price=1)
    assert api.get("/readyz").json()["stale"] == 0


def test_readyz_needs_no_credentials_and_tells_strangers_no_names(settings, client, market):
    settings.DEBUG = False
    factories.make_source(market, enabled=True)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "worker_alive": False,
        "collected": 1,
        "stale": 1,
        "worker_restarts": 0,
        "worker_restarted_at": None,
        "watching": 0,
        "not_watching": 0,
    }


def test_readyz_says_whose_quotes_nobody_scores_since_when_and_why(api, market):
    factories.make_quotes(market, 3)
    found = api.get("/readyz").json()
    assert (found["watching"], found["not_watching"]) == (0, 1)
    (one,) = found["unwatched"]
    assert (one["market"], one["state"]) == (market.symbol, "no_model")
    assert one["since"]
    assert "no anomaly model" in one["why"]
    detail = api.get(f"markets/{market.pk}").json()["watch"]
    assert {name: detail[name] for name in ("state", "why")} == {
        name: one[name] for name in ("state", "why")
    }


def test_readyz_is_503_while_the_database_is_gone(client, monkeypatch):
    def gone():
        raise OperationalError("no database")

    monkeypatch.setattr(views, "readiness", gone)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
