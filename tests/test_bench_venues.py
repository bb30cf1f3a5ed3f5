"""The bench of price methods runs on any file of ads, and tells what cleaning is worth."""

from __future__ import annotations

import csv
import gzip
import random

import pytest

from analytics.venues.quoting.methods import METHODS
from bench.venue_methods import bait_table, moves, noise_table, read_ads, shift

COLUMNS = [
    "timestamp",
    "asset",
    "fiat",
    "exchange",
    "side",
    "ad_trade_type",
    "rank",
    "price",
    "tradable_quantity",
    "surplus_amount",
    "min_fiat",
    "max_fiat",
    "dynamic_max_fiat",
    "pay_time_limit_min",
    "pay_methods",
    "classify",
    "advertiser_id",
    "user_type",
    "user_identity",
    "month_orders",
    "month_finish_rate",
    "positive_rate",
    "active_seconds_ago",
    "privilege_type",
]


@pytest.fixture
def books(tmp_path):
    rng = random.Random(1)
    path = tmp_path / "ads.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, restval="")
        table.writeheader()
        for hour in range(12):
            for side, away in (("ask", 1), ("bid", -1)):
                for rank in range(20):
                    price = 10 + away * (0.02 + 0.004 * rank) + 0.01 * rng.random()
                    table.writerow(
                        {"timestamp": f"2026-01-01T{hour:02d}:00:00Z", "side": side, "rank": rank,
                         "price": round(price, 4), "tradable_quantity": rng.randint(50, 500),
                         "min_fiat": 10, "dynamic_max_fiat": 400, "pay_methods": "BANK|Cash",
                         "advertiser_id": rank, "user_type": "user", "month_orders": 9,
                         "month_finish_rate": "0.98"}
                    )  # fmt: skip
    return read_ads(path)


def test_every_method_has_its_rows(books):
    assert len(books) == 24
    for table in (noise_table(books), bait_table(books)):
        assert table.row_count == 2 * len(METHODS)


def test_cleaning_takes_the_bait_away(books):
    naive = METHODS["naive"]
    dirty = shift(books, naive, False, 2, "0.3")
    clean = shift(books, naive, True, 2, "0.3")
    assert min(dirty) > 2000
    assert max(clean) < 100
    assert all(len(series) == 11 for series in moves(books, naive, True).values())
