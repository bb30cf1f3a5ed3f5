"""Checked rows of quotes -> the database, once however often they come.

Rows of one market and moment are one quote: their figures are laid over each other, a later known
figure wins, an unknown one never erases. That makes every import idempotent, and resumable after
a kill at any chunk.
"""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from django.db import transaction

from analytics.models import Market, PriceHistory
from analytics.services.prices.files import ProgressCallback
from analytics.services.prices.rows import FIGURES

CHUNK_ROWS = 5_000
_COUNTS = ("bid_offers", "ask_offers")
_KEY = ["market_id", "timestamp"]


def merge_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per market and moment, in that order: the last known figure of each column."""
    if rows.empty:
        return rows
    return rows.groupby(_KEY, as_index=False, sort=True)[list(FIGURES)].last()


def write_rows(rows: pd.DataFrame, on_progress: ProgressCallback | None = None) -> dict[str, int]:
    """Write merged rows (market_id, timestamp, figures), a transaction per chunk; answers how
    many were new, updated and unchanged."""
    counts: Counter[str] = Counter(new=0, updated=0, unchanged=0)
    for first in range(0, len(rows), CHUNK_ROWS):
        chunk = rows.iloc[first : first + CHUNK_ROWS]
        counts.update(_upsert(chunk))
        if on_progress:
            on_progress(first + len(chunk), len(rows))
    return dict(counts)


@transaction.atomic
def _upsert(chunk: pd.DataFrame) -> dict[str, int]:
    """Lay the chunk over what is stored; one transaction."""
    ids = [int(pk) for pk in chunk["market_id"].unique()]
    # Writers of one market queue up here: what is read below is still true when it is written.
    list(Market.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    keys = list(zip(chunk["market_id"], chunk["timestamp"].dt.to_pydatetime(), strict=True))
    sent = chunk[list(FIGURES)].to_numpy(dtype="float64")
    stored, present = _stored(keys)
    merged = np.where(np.isnan(sent), stored, sent)
    # A database may keep 15 digits only (SQLite's REAL), so equal means equal to that many.
    differs = ~np.isclose(merged, stored, rtol=1e-14, atol=1e-11, equal_nan=True)
    changed = present & differs.any(axis=1)
    new = _objects(keys, merged, ~present)
    updated = _objects(keys, merged, changed)
    PriceHistory.objects.bulk_create(new)
    PriceHistory.objects.bulk_create(
        updated, update_conflicts=True, unique_fields=["market", "timestamp"], update_fields=FIGURES
    )
    return {
        "new": len(new),
        "updated": len(updated),
        "unchanged": len(keys) - len(new) - len(updated),
    }


def _stored(keys: list[tuple[int, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """(figures, whether there is a row) of each key; NaN where unknown."""
    figures = np.full((len(keys), len(FIGURES)), np.nan)
    present = np.zeros(len(keys), dtype=bool)
    place = {key: number for number, key in enumerate(keys)}
    moments: dict[int, list[Any]] = {}
    for market_id, moment in keys:
        moments.setdefault(market_id, []).append(moment)
    for market_id, wanted in moments.items():
        quotes = PriceHistory.objects.filter(market_id=market_id, timestamp__in=wanted)
        for moment, *values in quotes.values_list("timestamp", *FIGURES):
            number = place[market_id, moment]
            present[number] = True
            figures[number] = [math.nan if v is None else float(v) for v in values]
    return figures, present


def _objects(keys: list[tuple[int, Any]], figures: np.ndarray, which: np.ndarray) -> list[Any]:
    return [
        PriceHistory(
            market_id=int(keys[number][0]),
            timestamp=keys[number][1],
            **{
                name: (int(value) if name in _COUNTS else Decimal(repr(value)))
                for name, value in zip(FIGURES, figures[number].tolist(), strict=True)
                if not math.isnan(value)
            },
        )
        for number in np.flatnonzero(which).tolist()
    ]
