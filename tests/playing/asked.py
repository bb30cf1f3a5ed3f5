"""A request as the playing venues see it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.playing.market import PlayedAd, PlayedMarket

Markets = Mapping[tuple[str, str], PlayedMarket]


@dataclass(frozen=True)
class Asked:
    """A request as a face sees it: path, query or JSON body, and the time it is played at."""

    path: str
    values: Mapping[str, Any]
    when: dt.datetime
    markets: Markets
    #: Bends the ads of a side before they are dressed (a fault that is about ads).
    bend: Callable[[list[PlayedAd]], list[PlayedAd]] = list
    #: The answer speaks of another currency, or of the other side.
    wrong_fiat: str = ""
    wrong_side: bool = False

    def market(self, asset: str, fiat: str) -> PlayedMarket:
        return self.markets[asset.upper(), fiat.upper()]

    def side(self, asset: str, fiat: str, side: str) -> list[PlayedAd]:
        if self.wrong_side:
            side = "bid" if side == "ask" else "ask"
        return self.bend(self.market(asset, fiat).side(side, self.when))

    def fiat(self, fiat: str) -> str:
        return self.wrong_fiat or fiat
