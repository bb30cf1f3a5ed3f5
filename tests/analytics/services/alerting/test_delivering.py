"""The outbox goes out to a real receiver: signed, once per key, again where it failed."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import logging
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from analytics.alerts.channels import ChannelKind
from analytics.alerts.ways.log import LogOptions
from analytics.exceptions import Conflict
from analytics.models import AlertChannel, AlertDelivery
from analytics.services.alerting import channels, deliver, delivering, evaluate
from analytics.services.alerting.channels import stored_options
from analytics.services.alerting.delivering import (
    CROWD,
    MOST_ATTEMPTS,
    channel_test,
    delivery_resend,
    pause_after,
)
from analytics.services.alerting.outbox import due_of

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
UTC = dt.UTC


@pytest.fixture
def raised(market, quoted, ruled, channel):
    """raised(3): so many alerts wait for the channel."""

    def make(count: int = 1, to: AlertChannel | None = None) -> list[AlertDelivery]:
        quoted(10.0, ago=count + 5)
        for k in range(count):
            ruled("level", level=11 + k / 100, name=f"rule {k}", channels=[to or channel])
        quoted(12.5, ago=1)
        evaluate(market_ids=[market.pk])
        return list(AlertDelivery.objects.order_by("id"))

    return make


def test_a_webhook_is_signed_as_the_document_says(raised, receiver, channel):
    (row,) = raised()
    assert vars(deliver()) == {"sent": 1, "failed": 0, "dead": 0}
    (got,) = receiver.got
    key = base64.b64decode(stored_options(channel)["key"].removeprefix("whsec_"))
    stamp, name = got.headers["webhook-timestamp"], got.headers["webhook-id"]
    mac = hmac.digest(key, f"{name}.{stamp}.".encode() + got.body, hashlib.sha256)
    assert got.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    assert abs(int(stamp) - timezone.now().timestamp()) < 60
    assert got.headers["idempotency-key"] == name == row.key
    assert got.json["values"]["level"] == 11
    assert (got.json["type"], got.json["market"]) == ("alert", "USDT/BOB@here")
    assert deliver().sent == 0
    assert len(receiver.got) == 1


def test_what_failed_is_sent_again_under_the_same_key_after_a_pause(raised, receiver):
    receiver.answers = [(503, {})]
    raised()
    now = timezone.now()
    assert deliver(now=now).failed == 1
    assert deliver(now=now + dt.timedelta(seconds=20)).sent == 0
    assert deliver(now=now + MINUTE).sent == 1
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert AlertDelivery.objects.get().attempts == 2


def test_a_receiver_that_asks_for_time_gets_it(raised, receiver):
    receiver.answers = [(429, {"Retry-After": "600"})]
    raised()
    now = timezone.now()
    deliver(now=now)
    assert AlertDelivery.objects.get().due_at >= now + 10 * MINUTE


def test_what_fails_for_ever_becomes_a_dead_letter_that_can_be_sent_again(raised, receiver):
    receiver.answers = [(500, {})] * MOST_ATTEMPTS
    raised()
    now = timezone.now()
    for _attempt in range(MOST_ATTEMPTS):
        now += dt.timedelta(hours=3)
        deliver(now=now)
    row = AlertDelivery.objects.get()
    assert (row.status, row.attempts, row.error_code) == ("dead", MOST_ATTEMPTS, "status_500")
    assert row.channel.failures == MOST_ATTEMPTS
    with pytest.raises(Conflict):
        delivery_resend(delivery=delivery_resend(delivery=row))
    assert deliver().sent == 1
    assert receiver.got[-1].headers["webhook-id"] == row.key
    assert AlertChannel.objects.get(pk=row.channel_id).failures == 0


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_an_answer_that_will_not_change_gives_up_at_once(raised, receiver, status):
    receiver.answers = [(status, {"Location": "http://127.0.0.1:1/"} if status == 301 else {})]
    raised()
    assert deliver().dead == 1


def test_one_channel_that_fails_keeps_no_other_back(raised, receiver, log, caplog):
    receiver.answers = [(500, {})]
    (row,) = raised()
    AlertDelivery.objects.create(
        key="other", channel=log, kind="test", happened_at=row.happened_at, due_at=row.due_at
    )
    with caplog.at_level(logging.INFO, logger="analytics.alerts"):
        found = deliver()
    assert (found.sent, found.failed) == (1, 1)
    assert "This channel works." in caplog.text


def test_a_crowd_of_alerts_comes_as_one_digest(raised, receiver):
    raised(CROWD + 2)
    assert deliver().sent == CROWD + 2
    (got,) = receiver.got
    assert got.json["type"] == "digest"
    assert len(got.json["alerts"]) == CROWD + 2


def test_a_digest_that_is_sent_again_is_the_same_message(raised, receiver):
    receiver.answers = [(500, {})]
    raised(CROWD + 1)
    now = timezone.now()
    deliver(now=now)
    newer = AlertDelivery.objects.first()
    newer.pk, newer.key, newer.batch, newer.digest = None, "newer", "", True
    newer.save(force_insert=True)
    deliver(now=now + MINUTE)
    first, second, third = (got.headers["webhook-id"] for got in receiver.got)
    assert first == second != third


def test_what_is_raised_in_quiet_hours_comes_together_afterwards(raised, receiver, channel):
    zone = ZoneInfo("America/La_Paz")
    here = timezone.now().astimezone(zone)
    channels.channel_change(
        channel=channel,
        timezone="America/La_Paz",
        quiet_from=(here - 60 * MINUTE).time(),
        quiet_until=(here + 60 * MINUTE).time(),
    )
    raised(2)
    assert deliver().sent == 0
    assert deliver(now=timezone.now() + 61 * MINUTE).sent == 2
    (got,) = receiver.got
    assert got.json["type"] == "digest"


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2026-05-04T23:30", "2026-05-05T11:00"),  # 19:30 there: quiet from 19 h to 7 h
        ("2026-05-05T03:00", "2026-05-05T11:00"),
        ("2026-05-05T11:00", "2026-05-05T11:00"),
        ("2026-05-05T15:00", "2026-05-05T15:00"),
    ],
)
def test_quiet_hours_are_those_of_the_owner_s_zone(at, due):
    channel = AlertChannel(
        timezone="America/La_Paz", quiet_from=dt.time(19), quiet_until=dt.time(7)
    )
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=UTC)
    found, digest = due_of(channel, moment)
    assert found == dt.datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert digest == (found > moment)


def test_a_digest_is_due_at_the_next_full_interval():
    at = dt.datetime(2026, 5, 4, 12, 7, tzinfo=UTC)
    due, digest = due_of(AlertChannel(digest_minutes=30, timezone="UTC"), at)
    assert (due, digest) == (dt.datetime(2026, 5, 4, 12, 30, tzinfo=UTC), True)


def test_messages_speak_the_language_of_their_channel(raised, receiver, channel):
    channels.channel_change(channel=channel, language="es", timezone="America/La_Paz")
    raised()
    deliver()
    assert "por encima de" in receiver.got[0].json["text"]


def test_a_link_leads_to_the_market_where_the_server_has_an_address(raised, receiver, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "PUBLIC_URL": "https://p.example"}
    (row,) = raised()
    deliver()
    assert receiver.got[0].json["link"] == f"https://p.example/markets/{row.market_id}/"


def test_a_test_message_says_what_became_of_it(channel, receiver):
    receiver.answers = [(200, {}), (500, {})]
    assert channel_test(channel=channel)["ok"] is True
    found = channel_test(channel=channel)
    assert (found["ok"], found["code"]) == (False, "status_500")
    assert [got.json["type"] for got in receiver.got] == ["test", "test"]
    assert {row.status for row in AlertDelivery.objects.all()} == {"sent", "dead"}


def test_what_a_library_raises_tells_nothing_of_the_address(channel, monkeypatch, caplog):
    def explode(*_):
        raise RuntimeError("https://secret.example/token")

    broken = ChannelKind(name="webhook", title="x", params=LogOptions, send=explode)
    monkeypatch.setattr(delivering, "get_channel_kind", lambda name: broken)
    monkeypatch.setattr(delivering, "stored_options", lambda channel: {})
    with caplog.at_level(logging.INFO):
        found = channel_test(channel=channel)
    assert "secret" not in found["message"] + caplog.text


def test_pauses_grow_and_end():
    seconds = [pause_after(n).total_seconds() for n in range(1, 9)]
    assert 30 <= seconds[0] <= 33
    assert 120 <= seconds[1] <= 132
    assert seconds[-1] <= 7200 * 1.1
