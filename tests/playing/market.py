"""A market that moves by itself: prices and ads as pure functions of time, nothing is stored."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

#: The ads of a market stay the same for so many seconds of its time: pages fit together.
STEADY_SECONDS = 30
_METHODS = ("BANK", "Mercantil", "PagoMovil", "Zinli", "Tigo Money", "Banesco")
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class PlayedAd:
    """An ad as the playing side knows it: with a name and a number that must never get out."""

    number: str
    user: str
    nick: str
    price: float
    quantity: float
    low: float
    high: float
    methods: tuple[str, ...]
    rate: float = 0.98
    orders: int = 100
    merchant: bool = False
    promoted: bool = False
    online: bool = True


@dataclass(frozen=True)
class Shock:
    """From `at` on, for `seconds` of the clock, prices are `factor` times what they would be."""

    at: dt.datetime
    factor: float
    seconds: float

    def now(self, when: dt.datetime) -> float:
        return self.factor if 0 <= (when - self.at).total_seconds() < self.seconds else 1.0


@dataclass
class PlayedMarket:
    """One asset and fiat. `level` is the price it wanders around, `swing` by how much of it, and
    `spread` the distance of the sides; `ads` per side. `speed` makes its time run faster than the
    clock."""

    asset: str
    fiat: str
    level: float
    swing: float = 0.03
    spread: float = 0.006
    ads: int = 45
    speed: float = 1.0
    shocks: list[Shock] = field(default_factory=list)
    #: Recorded readings to play instead: their times, and the ads of both sides.
    recorded: Sequence[tuple[float, dict[str, list[PlayedAd]]]] = ()

    def seconds(self, when: dt.datetime) -> float:
        """The market's own time, in whole steady stretches."""
        return (when - EPOCH).total_seconds() * self.speed // STEADY_SECONDS * STEADY_SECONDS

    def mid(self, when: dt.datetime) -> float:
        """Slow waves of a week, a day and an hour, and the noise of the stretch."""
        now, seed = self.seconds(when), _seed(self.asset, self.fiat)
        waves = sum(
            size * math.sin(2 * math.pi * (now / period + (seed % 97) / 97))
            for period, size in ((604_800, 1.0), (86_400, 0.5), (5_400, 0.2))
        )
        noise = random.Random(f"{seed}:{now}").gauss(0, 0.03)
        moved = self.level * math.exp(self.swing * (waves + noise))
        return moved * math.prod(shock.now(when) for shock in self.shocks)

    def side(self, side: str, when: dt.datetime) -> list[PlayedAd]:
        """The ads of `ask` or `bid`, in the venue's order: best first."""
        if self.recorded:
            return self._replayed(side, when)
        ladder = (self.asset, self.fiat, self.spread, self.ads)
        return list(_ads(*ladder, side, self.seconds(when), self.mid(when)))

    def _replayed(self, side: str, when: dt.datetime) -> list[PlayedAd]:
        """The reading that was current then; the recording repeats without end."""
        times = [at for at, _ in self.recorded]
        length = times[-1] - times[0] + STEADY_SECONDS
        place = bisect_right(times, times[0] + self.seconds(when) % length) - 1
        return self.recorded[place][1][side]


@lru_cache(maxsize=256)
def _ads(
    asset: str, fiat: str, spread: float, count: int, side: str, seconds: float, middle: float
) -> tuple[PlayedAd, ...]:
    """The ads of a steady stretch; people and their ads stay, prices and quantities move."""
    away = 1 if side == "ask" else -1
    ads = []
    for place in range(count):
        rng = random.Random(f"{asset}:{fiat}:{side}:{place}:{seconds}")
        far = spread / 2 + 0.0004 * place + 0.00002 * place**2 + rng.random() * 0.0003
        price = round(middle * (1 + away * far), 2 if middle > 20 else 3)
        ads.append(_ad(_person(fiat, side, place), rng, price, middle))
    return tuple(sorted(ads, key=lambda ad: away * ad.price))


@lru_cache(maxsize=2048)
def _person(fiat: str, side: str, place: int) -> PlayedAd:
    """An invented advertiser: some have two ads."""
    rng = random.Random(f"{fiat}:{side}:{place // 2 if place % 9 == 0 else place}")
    return PlayedAd(
        number=f"7{_seed(fiat, side, str(place)):018d}",
        user=f"s{rng.randrange(16**31):032x}",
        nick=f"Invented-{rng.randrange(10**6):06d}",
        price=0,
        quantity=0,
        low=0,
        high=0,
        methods=tuple(rng.sample(_METHODS, rng.choice((1, 1, 2, 3)))),
        rate=round(0.9 + rng.random() / 10, 4),
        orders=rng.randrange(5, 5000),
        merchant=rng.random() < 0.4,
    )


def _ad(person: PlayedAd, rng: random.Random, price: float, middle: float) -> PlayedAd:
    quantity = round(rng.lognormvariate(6, 1.2) + 20, 2)
    low = rng.choice((5, 10, 20, 50, 100)) * middle
    return replace(
        person,
        price=price,
        quantity=quantity,
        low=round(min(low, quantity * price * 0.6), 2),
        high=round(quantity * price * rng.choice((0.7, 1, 1)), 2),
    )


def _seed(*names: str) -> int:
    return sum(ord(letter) * 31**i for i, letter in enumerate("/".join(names))) % 2**31


def read_recording(path: Path) -> list[tuple[float, dict[str, list[PlayedAd]]]]:
    """A file of recorded ads as readings: (seconds, side -> ads). Its running numbers of
    advertisers get invented names."""
    readings: dict[str, dict[str, list[PlayedAd]]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            reading = readings.setdefault(row["timestamp"], {"ask": [], "bid": []})
            reading[row["side"]].append(_recorded_ad(row, len(reading[row["side"]])))
    return [
        (dt.datetime.fromisoformat(when).timestamp(), reading)
        for when, reading in sorted(readings.items())
    ]


def _recorded_ad(row: dict[str, str], place: int) -> PlayedAd:
    who = row["advertiser_id"]
    return PlayedAd(
        number=f"9{who:0>8}{place:04d}{row['side']}",
        user=f"s{int(who):032x}",
        nick=f"Invented-{int(who):06d}",
        price=float(row["price"]),
        quantity=float(row["tradable_quantity"]),
        low=float(row["min_fiat"]),
        high=float(row["dynamic_max_fiat"]),
        methods=tuple(row["pay_methods"].split("|")),
        rate=float(row["month_finish_rate"]),
        orders=int(row["month_orders"]),
        merchant=row["user_type"] == "merchant",
        promoted=bool(row["privilege_type"]),
    )


Clock = Callable[[], dt.datetime]
