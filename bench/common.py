"""What the benches share: how a market's file is read, and how they speak."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

_NAMES = {"bid_price": "bid", "ask_price": "ask", "close": "price", "value": "price"}


def read_quotes(paths: Sequence[Path], columns: Sequence[str]) -> pd.DataFrame:
    """Quote, candle or value files of one market as a quotes frame of those of `columns` that they
    have; of several rows of a moment the last."""
    raw = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    raw = raw.rename(columns=_NAMES)
    raw["timestamp"] = pd.to_datetime(raw["timestamp"], utc=True).dt.as_unit("ns")
    kept = [c for c in columns if c in raw]
    return raw.groupby("timestamp", sort=True)[kept].last()


def database_seconds() -> float:
    """Of the processor, so far, of the process that serves this connection, where there is one (and
    it is of this host)."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    connection.ensure_connection()
    process = Path("/proc", str(connection.connection.info.backend_pid))
    return int((process / "schedstat").read_text().split()[0]) / 1e9


def say(text: str) -> None:
    """Print a paragraph at once."""
    sys.stdout.write(text + "\n\n")
    sys.stdout.flush()
