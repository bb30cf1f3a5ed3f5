"""The audit measures what it says it measures."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import ml

START = pd.Timestamp("2026-01-01", tz="UTC")


def quotes(rows: int = 2000, **columns) -> pd.DataFrame:
    index = pd.date_range(START, periods=rows, freq="30min").as_unit("ns")
    noise = np.random.default_rng(0).normal(0, 0.001, rows).cumsum()
    price = 7 * np.exp(noise)
    base = {"bid": price * 0.999, "ask": price * 1.001}
    return pd.DataFrame({**base, **columns}, index=index)


def codes(audit: ml.DataAudit) -> set[str]:
    return {finding.code for finding in audit.findings}


def test_clean_quotes_have_no_finding():
    audit = ml.audit_quotes(quotes())
    assert audit.findings == ()
    assert audit.gap_median == audit.gap_longest == 30
    assert audit.crossed_share == audit.one_sided_share == audit.missing_share == 0
    assert all(audit.enough.values())


def test_shares_of_crossed_and_one_sided_quotes_are_counted():
    frame = quotes()
    frame.iloc[:400, frame.columns.get_loc("bid")] = 9.0
    frame.iloc[400:800, frame.columns.get_loc("ask")] = np.nan
    audit = ml.audit_quotes(frame)
    assert audit.crossed_share == pytest.approx(400 / 1600)
    assert audit.one_sided_share == pytest.approx(0.2)
    assert {"crossed", "one_sided"} <= codes(audit)


def test_a_gap_is_measured_and_named():
    frame = pd.concat([quotes().iloc[:800], quotes().iloc[1600:]])
    audit = ml.audit_quotes(frame, step_minutes=30)
    assert audit.gap_longest == 801 * 30
    assert audit.missing_share == pytest.approx((800 - 6) / 2000, abs=0.002)
    assert "gaps" in codes(audit)


def test_a_price_that_stands_still_is_found():
    frame = quotes()
    frame.iloc[100:200] = frame.iloc[100].to_numpy()
    audit = ml.audit_quotes(frame)
    assert audit.stuck_longest == 100 * 30
    assert "stuck" in codes(audit)


def test_too_little_history_is_an_error_per_task():
    audit = ml.audit_quotes(quotes(500))
    assert not any(audit.enough.values())
    assert audit.findings[0].level == "error"


def test_a_daily_season_of_the_spread_is_found():
    frame = quotes()
    wide = 1.001 + 0.004 * (1 + np.sin(2 * np.pi * frame.index.hour / 24))
    frame["ask"] = frame["bid"] * wide
    assert ml.audit_quotes(frame).season_spread > 0.9


def test_a_series_without_sides_has_no_sides_to_audit():
    frame = quotes()[["bid"]].rename(columns={"bid": "price"})
    audit = ml.audit_quotes(frame)
    assert audit.crossed_share is audit.one_sided_share is audit.season_spread is None


def test_the_real_recording_is_as_its_readme_says(shared_data):
    raw = pd.read_csv(shared_data / "usdt_bob_binance_p2p.csv.gz")
    frame = raw.set_index(pd.to_datetime(raw["timestamp"], utc=True))
    frame = frame.rename(columns={"bid_price": "bid", "ask_price": "ask"})
    audit = ml.audit_quotes(frame.drop(columns=["timestamp", "asset", "fiat", "exchange"]))
    assert audit.rows == 22_713
    assert audit.gap_median == pytest.approx(28, abs=1)
    assert audit.gap_longest / 60 == pytest.approx(13.6, abs=0.1)
    assert audit.one_sided_share == pytest.approx((1059 + 1214) / 22_713, abs=0.001)
    assert 0.02 < audit.crossed_share < 0.04
    assert audit.data_until < dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
