"""Quotes are deleted on a page that first says how many they are."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from analytics.models import PriceDeletion, PriceHistory
from tests import factories

from .conftest import act, url

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def market():
    made = factories.make_market()
    factories.make_quotes(made, 20)
    return made


def test_the_page_asks_for_a_range_then_says_how_many_then_deletes(admin_client, market):
    page = act(admin_client, "market", "delete_quotes", market)
    assert re.findall(r'<input type="text" name="(\w+)"', page) == ["start", "end"]
    since = PriceHistory.objects.order_by("timestamp")[15].timestamp
    asked = {"confirmed": "1", "start": since.isoformat(sep=" ", timespec="microseconds")[:26]}
    page = act(admin_client, "market", "delete_quotes", market, **asked)
    assert "5 quotes of USDT/BOB@binance_p2p" in page
    page = act(admin_client, "market", "delete_quotes", market, **asked, confirm="4")
    assert PriceHistory.objects.count() == 20
    page = act(admin_client, "market", "delete_quotes", market, **asked, confirm="5")
    assert "5 quotes of USDT/BOB@binance_p2p were deleted." in page
    assert PriceHistory.objects.count() == 15
    gone = PriceDeletion.objects.get()
    assert (gone.rows, gone.first, gone.by.username) == (5, since, "admin")
    assert "binance_p2p" in admin_client.get(url("pricedeletion")).content.decode()


def test_what_the_service_refuses_stands_on_the_page(admin_client, market):
    asked = {"confirmed": "1", "start": "2001-01-01 00:00", "end": "2000-01-01 00:00"}
    page = act(admin_client, "market", "delete_quotes", market, **asked)
    assert "The range would end before it starts." in page


def test_one_market_at_a_time(admin_client, market):
    other = factories.make_market("BTC/BOB@x")
    page = act(admin_client, "market", "delete_quotes", market, other, confirmed="1", confirm="20")
    assert "Choose one market" in page
    assert PriceHistory.objects.count() == 20


def test_a_person_who_may_only_look_deletes_nothing(client, market):
    user = get_user_model().objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_market"))
    client.force_login(user)
    act(client, "market", "delete_quotes", market, confirmed="1", confirm="20")
    assert PriceHistory.objects.count() == 20
