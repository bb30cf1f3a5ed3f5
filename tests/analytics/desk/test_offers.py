"""What a market's page fetches: an amount's price, gains, hours of the week, similar moments."""

from __future__ import annotations

import datetime as dt
import html
from decimal import Decimal

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from analytics.models import PriceHistory, StoredBook
from analytics.venues.book import Ad, Book, Pair, Side
from analytics.venues.depth import pack_book
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def ad(side, price, rank=0):
    return Ad(
        side=side,
        price=Decimal(price),
        quantity=Decimal(100),
        min_order=Decimal(50),
        max_order=Decimal(600),
        payment_methods=("QR",),
        orders=500,
        completion=Decimal("0.98"),
        merchant=True,
        advertiser_hash=f"{side}{rank}",
        ad_hash=f"{side}{rank}",
        rank=rank,
    )


def keep_book(market, *, at=None, ask="10", bid="9.8"):
    """A book of two ads a side."""
    at = at or timezone.now()
    sides = {
        name: tuple(ad(side, Decimal(best) * (1 + sign * Decimal("0.002") * n), n) for n in (0, 1))
        for name, side, best, sign in (("asks", Side.ASK, ask, 1), ("bids", Side.BID, bid, -1))
    }
    book = Book(
        venue=market.exchange,
        pair=Pair(market.asset, market.fiat),
        taken_at=at,
        server_time=None,
        whole=True,
        dropped={},
        **sides,
    )
    return StoredBook.objects.create(market=market, taken_at=at, data=pack_book(book))


def part(client, name, market, language="en", **asked):
    address = reverse(f"analytics:market-{name}", args=[market.pk])
    headers = {"HX-Request": "true", "Accept-Language": language}
    answer = client.get(address, asked, headers=headers)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"side": "buy", "amount": "500"}, "For 500.0 BOB you get 50.00 USDT: 10.00 BOB each."),
        (
            {"side": "sell", "amount": "490"},
            "To get 490.0 BOB you give 50.00 USDT: 9.800",
        ),
        (
            {"side": "buy", "amount": "50", "currency": "asset"},
            "50.00 USDT cost you 500.0 BOB: 10.00 BOB each.",
        ),
        ({"side": "buy", "amount": "900"}, "worse than the best ad (10.00)"),
        (
            {"side": "buy", "amount": "5"},
            "The smallest order is 50.00 BOB.",
        ),
        ({"side": "buy", "amount": "500", "payment": "Zelle"}, "No ad takes this amount."),
        ({"side": "buy", "amount": "-1"}, "Say an amount above zero."),
        ({"side": "buy", "amount": "many"}, "Say an amount above zero."),
        ({"side": "give", "amount": "5"}, "This amount cannot be priced."),
    ],
)
def test_an_amount_is_priced_from_the_persons_side(reader, asked, said):
    market = factories.make_market()
    keep_book(market)
    assert said in " ".join(part(reader, "price", market, **asked).split())


def test_an_old_book_is_no_offer(reader):
    market = factories.make_market()
    keep_book(market, at=timezone.now() - 5 * HOUR)
    assert "read 5 hours ago: too old to be an offer" in part(reader, "price", market, amount="500")


def test_without_a_book_the_next_step_is_said(reader):
    said = part(reader, "price", factories.make_market(), amount="500")
    assert "Collect it from a venue that lists ads." in said


def test_gains_between_venues_are_told_with_their_legs(reader):
    cheap, dear = (factories.make_market(f"USDT/BOB@{name}") for name in ("cheap", "dear"))
    keep_book(cheap, ask="10", bid="9.8")
    keep_book(dear, ask="10.9", bid="10.5")
    page = part(reader, "more", cheap, amount="500")
    assert "USDT/BOB · cheap: 10.00" in page
    assert "USDT/BOB · dear: 10.50" in page
    assert "+5.00 %" in page
    assert "Arbitrage" in page


def test_old_books_bring_no_gain_and_are_named(reader):
    markets = [factories.make_market(f"USDT/BOB@{name}") for name in ("cheap", "dear")]
    for market, ask in zip(markets, ("10", "12"), strict=True):
        keep_book(market, at=timezone.now() - 9 * HOUR, ask=ask, bid=ask)
    page = part(reader, "more", markets[0])
    assert "No gain now" in page
    assert "USDT/BOB@dear" in page


def test_hours_of_the_week_are_told_in_the_readers_zone(reader):
    market = factories.make_market(cadence_minutes=60)
    end = timezone.now().replace(minute=0, second=0, microsecond=0)
    noise = np.random.default_rng(1).normal(size=24 * 80)
    rows = []
    for back in range(24 * 80):
        at = end - back * HOUR
        cheap = at.weekday() == 2 and at.hour == 12  # Wednesday 12:00 UTC
        price = round(10 * (0.95 if cheap else 1) + 0.005 * noise[back], 4)
        rows.append(PriceHistory(market=market, timestamp=at, ask=price, bid=price - 0.01))
    PriceHistory.objects.bulk_create(rows)
    assert "Wednesday 12:00" in part(reader, "more", market)
    reader.cookies["browser_zone"] = "America/La_Paz"
    assert "Wednesday 08:00" in part(reader, "more", market)
    assert "miércoles 08:00" in part(reader, "more", market, "es").lower()


def test_too_short_a_history_says_what_it_takes(reader):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    page = part(reader, "more", market)
    assert "It takes four whole weeks of quotes to tell." in page
    empty = factories.make_market("USDT/VES@x")
    assert "has no quotes" in part(reader, "more", empty)


@pytest.mark.parametrize("name", ["price", "more"])
def test_without_javascript_a_part_is_a_page(reader, name):
    market = factories.make_market()
    page = reader.get(reverse(f"analytics:market-{name}", args=[market.pk])).content.decode()
    assert "<html" in page
    assert reverse("analytics:market", args=[market.pk]) in page
    assert reader.get(reverse(f"analytics:market-{name}", args=[99])).status_code == 404


def test_depth_over_time_is_a_panel_of_the_chart(reader):
    market = factories.make_market()
    factories.make_quotes(market, 100)
    address = reverse("analytics:market-chart", args=[market.pk])
    assert [panel["title"] for panel in reader.get(address).json()["panels"]][1:] == [
        "Spread (percent of the mid price)"
    ]
    before = reader.get(address).headers["ETag"]
    for hours in (3, 2, 1):
        keep_book(market, at=timezone.now() - hours * HOUR)
    answer = reader.get(address)
    assert answer.headers["ETag"] != before
    spec = answer.json()
    assert spec["panels"][-1]["title"] == "Depth within 1 % of the best price (USDT)"
    (table,) = [table for table in spec["tables"] if "bid_depth" in table["columns"]]
    assert table["columns"] == {"bid_depth": [200, 200, 200], "ask_depth": [200, 200, 200]}


def test_past_intervals_wait_to_be_switched_on(reader):
    market = factories.make_market()
    factories.make_quotes(market, 100)
    made = factories.make_forecast(
        factories.make_model(market), as_of=timezone.now() - dt.timedelta(hours=26)
    )
    spec = reader.get(reverse("analytics:market-chart", args=[market.pk])).json()
    (table,) = [table for table in spec["tables"] if "past" in table["columns"]]
    quantiles = made.horizons[-1]["quantiles"]
    assert table["columns"]["past_low"] == [pytest.approx(quantiles["0.05"])]
    (band,) = [band for band in spec["panels"][0]["bands"] if band["low"] == "past_low"]
    assert band["hidden"]
