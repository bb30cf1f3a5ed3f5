"""DELETE prices: asked twice, for staff, by market and range."""

from __future__ import annotations

import pytest

from analytics.models import PriceDeletion, PriceHistory

from .conftest import NOW, Caller, assert_error

pytestmark = pytest.mark.django_db
SPAN = "prices?market=USDT/BOB@binance_p2p&from=2026-01-01T00:00:00Z"


def test_the_first_call_tells_how_many_and_the_second_deletes_them(as_staff, staff, quotes):
    asked = assert_error(as_staff("DELETE", SPAN), 409, "confirm_deletion", "confirm")
    assert asked["count"] == 20
    assert asked["last"] == NOW.isoformat().replace("+00:00", "Z")
    assert_error(as_staff("DELETE", f"{SPAN}&confirm=19"), 409, "confirm_deletion")
    assert PriceHistory.objects.count() == 20
    answer = as_staff("DELETE", f"{SPAN}&confirm={asked['count']}")
    assert answer.status_code == 200
    gone = PriceDeletion.objects.get()
    assert answer.json().items() >= {"id": gone.pk, "deleted": 20}.items()
    assert answer.json()["market"] == "USDT/BOB@binance_p2p"
    assert gone.by == staff
    assert not PriceHistory.objects.exists()
    assert_error(as_staff("DELETE", f"{SPAN}&confirm=true"), 400, "no_history")


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_range_and_a_yes_are_enough(api, quotes, slash):
    path = f"prices{slash}?market={quotes[0].market_id}&to={NOW:%Y-%m-%dT%H:%M:%SZ}&confirm=true"
    assert api("DELETE", path).json()["deleted"] == 20


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ("", 400, "invalid", "market"),
        ("market=BTC/XXX@nowhere", 404, "unknown_market", "market"),
        ("market=USDT/BOB&confirm=maybe", 400, "invalid", "confirm"),
        ("market=USDT/BOB&confirm=-1", 400, "invalid", "confirm"),
        ("market=USDT/BOB&confirm=99999999999999999999", 400, "invalid", "confirm"),
        ("market=USDT/BOB&confirm=false", 409, "confirm_deletion", "confirm"),
        ("market=USDT/BOB&from=yesterday", 400, "invalid", "from"),
        ("market=USDT/BOB&form=2026-01-01", 400, "unknown_parameter", "form"),
        ("market=USDT/BOB&market=USDT/BOB", 400, "contradiction", "market"),
        ("market=USDT/BOB&from=2026-02-01&to=2026-01-01&confirm=true", 400, "bad_range", "from"),
    ],
)
def test_what_cannot_be_meant_deletes_nothing(refused, quotes, query, status, code, field):
    refused(f"prices?{query}", method="DELETE", status=status, code=code, field=field)


def test_staff_alone_may(as_user, quotes):
    assert_error(as_user("DELETE", f"{SPAN}&confirm=true"), 403, "permission_denied")
    assert_error(Caller()("DELETE", f"{SPAN}&confirm=true"), 401, "not_authenticated")
    assert PriceHistory.objects.count() == 20


def test_other_lists_cannot_be_deleted(as_staff, db):
    assert as_staff("DELETE", "markets").status_code == 405
