"""Markets collected from the marketplaces that play, under a clock that stands still."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from analytics.models import MarketSource
from analytics.services.collection import rounds
from tests import factories
from tests.analytics.venues.conftest import (  # noqa: F401
    FACE,
    PLAYED,
    clock,
    playing,
    setting,
)


@pytest.fixture
def sourced(db, playing) -> Callable[..., MarketSource]:  # noqa: F811
    """A market collected from a venue of the playing server: sourced("okx_p2p", fiat="BOB")."""

    def make(venue: str, fiat: str = "", **values: Any) -> MarketSource:
        pair, options = PLAYED[venue]
        asset, own = pair.split("/")
        where = (
            {"url": f"{playing.url}/api/frontend/quotations"}
            if venue == "json"
            else {"base_url": playing.url}
        )
        market = values.pop("market", None) or factories.make_market(
            f"{asset}/{fiat or own}@{venue}", cadence_minutes=5
        )
        return MarketSource.objects.create(
            market=market,
            venue=venue,
            options={**where, **options, **values.pop("options", {})},
            enabled=values.pop("enabled", True),
            **values,
        )

    return make


@pytest.fixture
def collect(setting) -> Callable[..., rounds.Round]:  # noqa: F811
    """One round at the clock's moment, one venue after the other."""
    return lambda: rounds.collect_due(setting=setting, parallel=1)


def minutes(count: float) -> dt.timedelta:
    return dt.timedelta(minutes=count)
