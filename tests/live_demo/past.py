"""What a market's collector would have stored before the demo began: the marketplace plays at past
moments, and the venue's own adapter reads it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from analytics.venues.book import Pair
from analytics.venues.collect import collect, make_order
from analytics.venues.fetch.client import Setting
from analytics.venues.fetch.guard import HttpRules
from analytics.venues.identity import Identities
from tests.live_demo.scene import Broken
from tests.playing.server import PlayingServer
from tests.venue_server import markets


@dataclass
class PastClock:
    """It stands still; whoever sleeps by it loses no time."""

    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def __call__(self) -> dt.datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        """The pace of a venue is for the real one."""


def past_quotes(
    venue: str, pair: Pair, *, rows: int, minutes: int, until: dt.datetime
) -> Iterator[dict[str, Any]]:
    """Quotes `minutes` apart up to `until`, as they are posted. Raises Broken."""
    clock = PastClock()
    rules = HttpRules(https_only=False, allow_private=True)
    setting = Setting(rules=rules, clock=clock, sleep=clock.sleep, monotonic=clock.monotonic)
    with PlayingServer(markets(), clock=clock) as server:
        order = make_order(venue, pair, {"base_url": server.url})
        for back in range(rows, 0, -1):
            clock.now = until - back * dt.timedelta(minutes=minutes)
            reading = collect(order, Identities(b"advertisers of a demo"), setting=setting)
            if reading.quote is None:
                raise Broken(f"the past of {pair} cannot be read: {reading.error}")
            figures = reading.quote.figures()
            at = figures.pop("timestamp").isoformat()
            known = {name: float(value) for name, value in figures.items() if value is not None}
            yield {"timestamp": at, **known}
