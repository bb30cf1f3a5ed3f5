"""How ads become a price: the methods side by side on recorded ads, calm and with bait planted.

`python -m bench.venue_methods FILE` reads a file of single ads (docs/venues.md names its columns)
and prints, per method: the noise of the series (median and 95th percentile of the moves between
neighbouring readings, and how much of a move is taken back by the next one), and how far planted
bait moves the price, with and without cleaning. Everything is in basis points (0.01 %).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import correlation, mean, median, quantiles

from rich.console import Console
from rich.table import Table

from analytics.venues.book import Ad, Side
from analytics.venues.quoting.cleaning import best_first, clean
from analytics.venues.quoting.methods import METHODS, PriceMethod

BP = 10_000
#: (how many ads of 20 are bait, by how much they are too good)
BAIT = [(1, "0.02"), (1, "0.05"), (1, "0.3"), (2, "0.05"), (4, "0.05"), (4, "0.3")]
Books = dict[tuple[str, Side], list[Ad]]


def read_ads(path: Path) -> Books:
    """(time, side) -> the ads of that reading, in the venue's order."""
    books: Books = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            side = Side(row["side"])
            books[row["timestamp"], side].append(
                Ad(
                    side=side,
                    price=Decimal(row["price"]),
                    quantity=Decimal(row["tradable_quantity"]),
                    min_order=Decimal(row["min_fiat"]),
                    max_order=Decimal(row["dynamic_max_fiat"]),
                    payment_methods=tuple(row["pay_methods"].split("|")),
                    completion=Decimal(row["month_finish_rate"]),
                    orders=int(row["month_orders"]),
                    merchant=row["user_type"] == "merchant",
                    promoted=bool(row["privilege_type"]),
                    advertiser_hash=row["advertiser_id"],
                    ad_hash=str(number),
                    rank=int(row["rank"]),
                )
            )
    return books


def priced(ads: Iterable[Ad], how: PriceMethod, cleaned: bool) -> Decimal | None:
    kept: Sequence[Ad] = clean(ads)[0] if cleaned else best_first(ads)
    return how.take(kept) if kept else None


def moves(books: Books, how: PriceMethod, cleaned: bool) -> dict[Side, list[float]]:
    """Moves between neighbouring readings of a side, in basis points."""
    found: dict[Side, list[float]] = {}
    for side in Side:
        series = [
            price
            for (_, s), ads in sorted(books.items())
            if s is side and (price := priced(ads, how, cleaned))
        ]
        found[side] = [float(b / a - 1) * BP for a, b in pairwise(series)]
    return found


def plant(ads: list[Ad], count: int, better: Decimal, rng: random.Random) -> list[Ad]:
    """The ads with `count` of them replaced by bait: too good a price, in an ordinary ad's clothes,
    on top of the list."""
    middle = median(ad.price for ad in ads if not ad.promoted)
    good = middle * (1 - better if ads[0].side is Side.ASK else 1 + better)
    chosen = set(rng.sample(range(len(ads)), count))
    bait = [
        replace(ads[i], price=good, rank=n - count, promoted=False)
        for n, i in enumerate(sorted(chosen))
    ]
    return bait + [ad for i, ad in enumerate(ads) if i not in chosen]


def shift(books: Books, how: PriceMethod, cleaned: bool, count: int, better: str) -> list[float]:
    """How far bait moves the price of a reading, in basis points, of every reading."""
    rng = random.Random(7)
    found = []
    for ads in books.values():
        calm = priced(ads, how, cleaned)
        baited = priced(plant(ads, count, Decimal(better), rng), how, cleaned)
        if calm and baited:
            found.append(abs(float(baited / calm - 1)) * BP)
    return found


def noise_table(books: Books) -> Table:
    table = Table(title="Noise of the series, bp")
    for name in ("method", "cleaned", "ask p50", "ask p95", "bid p50", "bid p95", "taken back"):
        table.add_column(name)
    for how in METHODS.values():
        for cleaned in (False, True):
            by_side = moves(books, how, cleaned)
            figures = []
            for side in Side:
                sizes = [abs(move) for move in by_side[side]]
                figures += [f"{median(sizes):.1f}", f"{quantiles(sizes, n=20)[-1]:.1f}"]
            back = mean(correlation(m[:-1], m[1:]) for m in by_side.values())
            table.add_row(how.name, "yes" if cleaned else "no", *figures, f"{-back:.2f}")
    return table


def bait_table(books: Books) -> Table:
    table = Table(title="Shift by planted bait, bp: mean (worst)")
    for name in ("method", "cleaned", *(f"{n} ads {float(b):.0%}" for n, b in BAIT)):
        table.add_column(name)
    for how in METHODS.values():
        for cleaned in (False, True):
            cells = []
            for count, better in BAIT:
                sizes = shift(books, how, cleaned, count, better)
                cells.append(f"{mean(sizes):.0f} ({max(sizes):.0f})")
            table.add_row(how.name, "yes" if cleaned else "no", *cells)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="ads_*.csv.gz")
    books = read_ads(parser.parse_args().file)
    console = Console(width=150)
    console.print(f"{sum(map(len, books.values()))} ads, {len(books)} sides of a reading")
    dropped = [reason for ads in books.values() for reason in clean(ads)[1]]
    console.print({reason: dropped.count(reason) for reason in sorted(set(dropped))})
    console.print(noise_table(books))
    console.print(bait_table(books))


if __name__ == "__main__":
    main()
