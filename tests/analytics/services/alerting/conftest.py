"""A market whose price is told, a receiver on this machine, and a world that may reach it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from analytics.alerts.channels import World
from analytics.models import AlertChannel, AlertRule, Market
from analytics.services.alerting import channels, rules
from analytics.services.prices.single import quote_add
from analytics.venues.fetch.guard import HttpRules
from tests import factories
from tests.receiver import Receiver

WORLD = World(rules=HttpRules(https_only=False, allow_private=True, timeout=5.0, redirects=0))


@pytest.fixture
def private(settings) -> None:
    settings.ANALYTICS = {**settings.ANALYTICS, "ALLOW_PRIVATE_ADDRESSES": True}


@pytest.fixture
def receiver(private) -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture
def market(db) -> Market:
    return factories.make_market("USDT/BOB@here", cadence_minutes=5)


@pytest.fixture
def quoted(market) -> Callable[..., dt.datetime]:
    """quoted(10.0, ago=5): a quote of that price so many minutes ago."""

    def add(price: float, ago: float = 0, of: Market | None = None) -> dt.datetime:
        at = timezone.now() - dt.timedelta(minutes=ago)
        quote_add(market=of or market, timestamp=at, figures={"bid": price - 0.01, "ask": price})
        return at

    return add


@pytest.fixture
def channel(receiver) -> AlertChannel:
    return channels.channel_create(name="hook", kind="webhook", options={"url": receiver.url})


@pytest.fixture
def log(db) -> AlertChannel:
    return channels.channel_create(name="log", kind="log")


@pytest.fixture
def ruled(log) -> Callable[..., AlertRule]:
    """ruled("level", level=11): a rule that writes to the log."""

    def make(kind: str, market: Market | None = None, **values: Any) -> AlertRule:
        own = {n: values.pop(n) for n in ("cooldown_minutes", "channels", "name") if n in values}
        own.setdefault("channels", [log])
        own.setdefault("name", kind)
        return rules.rule_create(kind=kind, market=market, params=values, **own)

    return make
