"""The bench of patterns: its peers look at the past alone, and its intervals mean what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench import pattern_pictures
from bench.common import read_quotes
from bench.pattern_peers import EMBARGO, lightgbm_probabilities, rule, tuned_rule
from bench.patterns import COLUMNS, _draws, _table
from ml.grid import build_grid
from ml.pattern.labels import make_labels
from ml.pattern.measure import macro_f1
from ml.pattern.naming import LABELS
from tests.markets import regime_market as market


@pytest.fixture(scope="module")
def grid() -> pd.DataFrame:
    return build_grid(market(2000))


def spoiled(grid: pd.DataFrame, cut: int) -> pd.DataFrame:
    other = grid.copy()
    other.iloc[cut:] *= 3
    return other


def learned(grid: pd.DataFrame, rows: int) -> np.ndarray:
    return np.arange(len(grid)) < rows - EMBARGO


@pytest.mark.parametrize("peer", ["rule", "tuned"])
def test_a_rule_sees_no_future(grid: pd.DataFrame, peer: str) -> None:
    cut = 1600

    def named(grid: pd.DataFrame) -> dict[str, np.ndarray]:
        truth = make_labels(grid, centred=True)
        return rule(grid) if peer == "rule" else tuned_rule(grid, truth, learned(grid, cut))

    one, two = named(grid), named(spoiled(grid, cut))
    for head in one:
        np.testing.assert_array_equal(one[head][:cut], two[head][:cut])


def test_tuning_is_never_worse_where_it_was_tuned(grid: pd.DataFrame) -> None:
    truth, learn = make_labels(grid, centred=True), learned(grid, 1600)
    plain, tuned = rule(grid), tuned_rule(grid, truth, learn)
    for head, labels in truth.items():
        known = learn & (labels >= 0) & (plain[head] >= 0)
        best = macro_f1(labels[known], tuned[head][known], 3)
        assert best >= macro_f1(labels[known], plain[head][known], 3) - 1e-9


def test_lightgbm_sees_no_future_either(grid: pd.DataFrame) -> None:
    pytest.importorskip("lightgbm")
    cut = 1600
    tables = []
    for frame in (grid, spoiled(grid, cut)):
        truth = {"movement": make_labels(frame, centred=True)["movement"]}
        tables.append(lightgbm_probabilities(frame, truth, learned(frame, cut), threads=1))
    np.testing.assert_array_equal(tables[0]["movement"][:cut], tables[1]["movement"][:cut])


def test_a_draw_is_made_of_whole_days() -> None:
    moments = pd.date_range("2025-01-01", periods=48 * 12, freq="30min", tz="UTC")
    for rows in _draws(moments)[:5]:
        assert len(rows) == len(moments)
        assert np.all(np.bincount(rows // 48)[rows // 48] % 48 == 0)


def test_the_network_leads_itself_by_nothing(grid: pd.DataFrame) -> None:
    labels = make_labels(grid, centred=True)["movement"]
    known = labels >= 0
    named = {name: {"movement": labels} for name in ("network", "rule")}
    text = _table("movement", labels, known, named, {}, grid.index)
    assert text.count("1.000") == 2
    assert text.count("+0.000 .. +0.000") == 2


def test_a_market_file_is_read_with_its_depth(tmp_path) -> None:
    quotes = market(50)
    named = quotes.rename(columns={"bid": "bid_price", "ask": "ask_price"})
    named.to_csv(tmp_path / "q.csv.gz", index_label="timestamp")
    found = read_quotes([tmp_path / "q.csv.gz"], COLUMNS)
    assert set(found.columns) == {"bid", "ask", "bid_volume", "ask_volume"}
    np.testing.assert_allclose(found["ask"], quotes["ask"])


def test_the_picture_has_a_panel_per_name_and_the_same_bytes_each_time(tmp_path) -> None:
    named = market(2000).rename(columns={"bid": "bid_price", "ask": "ask_price"})
    named.to_csv(tmp_path / "q.csv.gz", index_label="timestamp")
    for name in ("a.svg", "b.svg"):
        pattern_pictures.main([str(tmp_path / "q.csv.gz"), "--out", str(tmp_path / name)])
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    shown = [label for label in LABELS if f">{label}</text>" in text]
    assert {"up-trend", "down-trend", "range"} <= set(shown)
    assert text.count("% to ") == len(shown)
