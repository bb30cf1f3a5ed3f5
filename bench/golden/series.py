"""The rows that everything is asked about: recorded ones where they are at hand, simulated ones."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

#: When the recording takes place: the recorded market ends half an hour before.
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
#: What the server imports ends here; the last day arrives quote by quote.
CUT = NOW - dt.timedelta(days=1)
BOB_DAYS, SIM_DAYS, CANDLES, VALUES = 120, 70, 2200, 1600
_CANDLES = "ohlcv_btc_usdt_1h_binance.csv.gz"
_VALUES = "nab/data/realAdExchange/exchange-2_cpc_results.csv"
_NAMES = {"bid_price": "bid", "ask_price": "ask", "close": "price"}


@dataclass(frozen=True)
class Series:
    """`bob`, `sim` and `candles` are quotes frames, `values` has one column `value`; `digests` say
    of which files they were made."""

    bob: pd.DataFrame
    sim: pd.DataFrame
    sim_labels: pd.DataFrame
    candles: pd.DataFrame
    values: pd.DataFrame
    digests: dict[str, str]


def read_series(data: Path) -> Series:
    """The market's file and, from the same folder, candles and plain values."""
    import ml

    files = {"data": data, "candles": data.parent / _CANDLES, "values": values_of(data)}
    start = NOW - dt.timedelta(days=SIM_DAYS)
    sim, labels = ml.simulate_quotes(
        ml.SimulatedMarket(), start=start, days=SIM_DAYS, seed=7, anomalies=True
    )
    bob = read_quotes(files["data"])
    values = pd.read_csv(files["values"], parse_dates=["timestamp"], index_col="timestamp")
    return Series(
        bob=bob[bob.index > pd.Timestamp(NOW) - pd.Timedelta(days=BOB_DAYS)],
        sim=sim,
        sim_labels=labels,
        candles=read_quotes(files["candles"]).iloc[-CANDLES:],
        values=values.iloc[:VALUES].astype(float),
        digests={name: _digest(path) for name, path in files.items()},
    )


def values_of(data: Path) -> Path:
    """The file of plain values that lies beside the market's."""
    return data.parent / _VALUES


def read_quotes(path: Path) -> pd.DataFrame:
    import ml

    raw = pd.read_csv(path).rename(columns=_NAMES)
    raw["timestamp"] = pd.to_datetime(raw["timestamp"], utc=True).dt.as_unit("ns")
    columns = [name for name in ml.QUOTE_COLUMNS if name in raw]
    return raw.groupby("timestamp", sort=True)[columns].last().astype(float)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
