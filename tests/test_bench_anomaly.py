"""The bench of detectors: what it skips, and that a peer sees no future either."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from bench import anomaly
from bench.anomaly_nab import score_file
from bench.anomaly_peers import lof, peers, rolling_mad
from ml.anomaly.scoring import score_series


def table(rows: int = 900) -> np.ndarray:
    found = np.random.default_rng(0).normal(size=(rows, 3))
    found[700, 1] = 30.0
    return found


def test_without_the_protocol_it_is_skipped_with_the_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "--protocol", str(tmp_path / "none.py")])
    anomaly.main()
    assert f"skipped: there is no protocol at {tmp_path}" in capsys.readouterr().out


def test_a_peer_that_is_not_installed_says_so():
    for name, peer in peers().items():
        assert callable(peer) or "No module named" in peer, name


@pytest.mark.parametrize("peer", [rolling_mad, lof])
def test_a_peer_finds_a_spike_and_no_row_sees_a_later_one(peer):
    if peer is lof:
        pytest.importorskip("sklearn")
    rows = table()
    score = peer(rows, 400)
    assert 700 <= int(np.argmax(score[400:])) + 400 < 716
    spoiled = rows.copy()
    spoiled[800:] *= -7
    np.testing.assert_allclose(score[:800], peer(spoiled, 400)[:800])


def test_the_peers_go_through_the_same_causal_step(tmp_path):
    index = pd.date_range("2014-01-01", periods=900, freq="5min")
    value = table()[:, 1]
    path = tmp_path / "a.csv"
    pd.DataFrame({"timestamp": index, "value": value}).to_csv(path, index=False)
    held, event = score_file(path, rolling_mad)
    assert int(np.argmax(event)) == 700
    assert (held[:135] == 0).all()
    assert held[705] > held[690]
    own = score_series(pd.DataFrame({"value": value}, index=index))
    np.testing.assert_array_equal(score_file(path, None)[1], own.event_score)


def test_the_figures_are_those_of_the_second_half(shared_data):
    pytest.importorskip("sklearn")
    protocol = anomaly.load_protocol(shared_data.parent / "bench" / "anomaly_protocol.py")
    base = protocol.clean_quotes(
        protocol.load_quotes(shared_data / "usdt_bob_binance_p2p.csv.gz")
    ).iloc[:6000]

    def answer(quotes, features, learn):
        """Told by hand: strange in the second half where both sides are crossed."""
        crossed = (quotes["bid_price"] > quotes["ask_price"]).to_numpy()
        assert "label" not in quotes
        return crossed.astype(float), crossed

    figures = anomaly.inject_figures(protocol, base, 0, answer)
    assert figures["VUS-PR"] > 0.1
    assert figures["R/day"] >= 4 / 27
    assert figures["false/wk"] < 1
    assert figures["recall"] == pytest.approx(figures["R/day"], abs=0.05)
