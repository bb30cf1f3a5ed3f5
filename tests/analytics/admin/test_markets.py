"""Markets and quotes in the admin: what may be changed, and that a million rows stay fast."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse_lazy as reverse
from django.utils import timezone

from analytics.admin.base import MOST_COUNTED
from analytics.models import Market, PriceHistory
from analytics.services.prices.posting import price_bulk_add
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
QUOTES = reverse("admin:analytics_pricehistory_changelist")


@pytest.mark.parametrize(
    ("asset", "minutes", "made"),
    [("BTC", "15", True), ("usdt", "15", False), ("BTC", "0", False), ("BTC", "99999", False)],
)
def test_a_market_is_added_once_and_with_a_sensible_cadence(admin_client, asset, minutes, made):
    factories.make_market()
    data = {"asset": asset, "fiat": "BOB", "exchange": "binance_p2p", "cadence_minutes": minutes}
    answer = admin_client.post(reverse("admin:analytics_market_add"), data)
    assert answer.status_code == (302 if made else 200)
    assert Market.objects.count() == (2 if made else 1)


def test_only_the_cadence_of_a_market_changes(admin_client):
    market = factories.make_market()
    data = {"asset": "BTC", "cadence_minutes": "60"}
    assert (
        admin_client.post(
            reverse("admin:analytics_market_change", args=[market.pk]), data
        ).status_code
        == 302
    )
    market.refresh_from_db()
    assert (market.asset, market.cadence_minutes) == ("USDT", 60)


@pytest.mark.parametrize(
    ("posted", "stored"),
    [
        ({"cadence_minutes": "60"}, (60, True)),
        ({"cadence_minutes": "60", "cadence_chosen": "on"}, (60, True)),
        ({"cadence_minutes": "30", "cadence_chosen": "on"}, (30, True)),
        ({"cadence_minutes": "30"}, (30, False)),
    ],
)
def test_a_cadence_that_was_edited_stays_whatever_quotes_come(
    admin_client, commits_at_once, posted, stored
):
    market = factories.make_market()
    admin_client.post(reverse("admin:analytics_market_change", args=[market.pk]), posted)
    market.refresh_from_db()
    assert (market.cadence_minutes, market.cadence_chosen) == stored
    end = timezone.now() - dt.timedelta(hours=1)
    quotes = [
        {"timestamp": end + k * dt.timedelta(minutes=5), "bid": 10, "ask": 11} for k in range(12)
    ]
    price_bulk_add(rows=quotes, market=market)
    market.refresh_from_db()
    assert market.cadence_minutes == (stored[0] if stored[1] else 5)


def test_quotes_are_listed_without_counting_them_all(admin_client):
    market = factories.make_market()
    factories.make_quotes(market, 3)
    with CaptureQueriesContext(connection) as caught:
        admin_client.get(QUOTES, {"market": market.pk, "days": "7"})
    counts = [q["sql"] for q in caught if "COUNT(" in q["sql"] and "pricehistory" in q["sql"]]
    assert all(f"LIMIT {MOST_COUNTED}" in sql for sql in counts)
    last = [q["sql"] for q in caught if "pricehistory" in q["sql"]][-1]
    assert "timestamp" in last.split("ORDER BY")[1]


def test_the_age_filter_waits_for_a_market(admin_client):
    factories.make_quotes(factories.make_market(), 3)
    assert "last week" not in admin_client.get(QUOTES).content.decode()
    assert PriceHistory.objects.count() == 3
