"""Alerts over HTTP: rules tried and made, channels whose secrets never come back, the outbox."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.utils import timezone

from analytics.models import AlertChannel, AlertDelivery, AlertRule
from analytics.services.prices.single import quote_add
from tests.receiver import Receiver

from .conftest import assert_error

pytestmark = pytest.mark.django_db
SECRET = "https://93.184.216.34/sesame"


@pytest.fixture
def prices(market):
    now = timezone.now()
    for day, ask in ((5, 10.0), (4, 12.0), (3, 10.0), (1, 12.5)):
        at = now - dt.timedelta(days=day)
        quote_add(market=market, timestamp=at, figures={"bid": ask - 0.1, "ask": ask})


def test_a_rule_is_tried_before_it_is_made(as_staff, market, prices):
    asked = {"kind": "level", "params": {"level": 11}, "market": market.symbol}
    found = as_staff.post("alert-rules/try", asked).json()
    assert (found["possible"], found["count"], len(found["fired"])) == (True, 2, 2)
    assert not AlertRule.objects.exists()
    made = as_staff.post("alert-rules", {**asked, "name": "dear"})
    assert made.status_code == 201
    assert (made.json()["market"], made.json()["enabled"]) == (market.symbol, True)


def test_a_rule_is_changed_listed_and_removed(as_staff, as_user, market):
    log = as_staff.post("alert-channels", {"name": "log", "kind": "log"}).json()
    rule = {"name": "r", "kind": "move", "params": {"percent": 3}, "channels": [log["id"]]}
    made = as_staff.post("alert-rules", rule).json()
    path = f"alert-rules/{made['id']}"
    assert as_staff("PATCH", path, {"enabled": False, "market": None}).json()["enabled"] is False
    (listed,) = as_user.get("alert-rules?kind=move&enabled=false").json()["results"]
    assert (listed["channels"], listed["market"]) == ([log["id"]], None)
    assert as_staff("DELETE", path).status_code == 204
    assert as_user.get("alert-rules").json()["count"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "level", "params": {}}, "level"),
        ({"kind": "level", "params": {"level": "high"}}, "level"),
        ({"kind": "level", "params": []}, "params"),
        ({"kind": "pigeon"}, "kind"),
        ({"kind": "move", "cooldown_minutes": -1}, "cooldown_minutes"),
        ({"kind": "move", "days": 0}, "days"),
        ({"kind": "move", "colour": 1}, "colour"),
        ({}, "kind"),
    ],
)
def test_a_bad_rule_names_the_field(as_staff, body, field):
    answer = as_staff.post("alert-rules/try", body)
    assert answer.status_code == 400
    assert field in answer.json()["fields"]


def test_a_name_is_taken_once(as_staff):
    body = {"name": "r", "kind": "move", "params": {}}
    as_staff.post("alert-rules", body)
    assert_error(as_staff.post("alert-rules", body), 409, "rule_exists", "name")
    body = {"name": "c", "kind": "log"}
    as_staff.post("alert-channels", body)
    assert_error(as_staff.post("alert-channels", body), 409, "channel_exists", "name")


def test_a_secret_goes_in_and_never_out(as_staff, as_user):
    body = {"name": "hook", "kind": "webhook", "options": {"url": SECRET}}
    made = as_staff.post("alert-channels", body).json()
    assert made["made_key"].startswith("whsec_")
    path = f"alert-channels/{made['id']}"
    changed = as_staff("PATCH", path, {"options": made["options"], "language": "es"})
    for answer in (changed, as_user.get(path), as_user.get("alert-channels")):
        text = json.dumps(answer.json())
        assert "sesame" not in text
        assert made["made_key"] not in text
    assert AlertChannel.objects.get().language == "es"


def test_a_private_address_is_refused(as_staff):
    body = {"name": "hook", "kind": "webhook", "options": {"url": "https://10.0.0.1/"}}
    assert_error(as_staff.post("alert-channels", body), 400, "forbidden_address", "url")


def test_a_channel_is_tested_and_a_dead_letter_sent_again(as_staff, as_user, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "ALLOW_PRIVATE_ADDRESSES": True}
    with Receiver(answers=[(500, {})]) as receiver:
        body = {"name": "hook", "kind": "webhook", "options": {"url": receiver.url}}
        made = as_staff.post("alert-channels", body).json()
        path = f"alert-channels/{made['id']}"
        found = as_staff.post(f"{path}/test").json()
        assert (found["ok"], found["code"]) == (False, "status_500")
        (dead,) = as_user.get("alert-deliveries?status=dead").json()["results"]
        assert (dead["channel"], dead["attempts"]) == ("hook", 1)
        again = as_staff.post(f"alert-deliveries/{dead['id']}/resend").json()
        assert again["status"] == "pending"
        again = as_staff.post(f"alert-deliveries/{dead['id']}/resend")
        assert_error(again, 409, "still_waiting")
        assert as_staff("DELETE", path).status_code == 204
    assert not AlertDelivery.objects.exists()


def test_kinds_say_what_they_ask(as_user):
    kinds = {one["name"]: one for one in as_user.get("alert-rules/kinds").json()}
    assert len(kinds) == 13
    assert kinds["worker_gone"]["why_not"]
    assert {one["name"] for one in kinds["level"]["params"]} >= {"level", "hysteresis"}
    names = {one["name"] for one in as_user.get("alert-channels/kinds").json()}
    assert names == {"apprise", "log", "webhook"}
