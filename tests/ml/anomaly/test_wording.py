"""What is said of a strange row: words, kind and severity, on a calm and on a wild market."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.anomaly.heads import budget
from ml.anomaly.measure import features_between
from ml.anomaly.server import AnomalyServer
from ml.results import Anomaly
from ml.spec import Source
from tests.markets import calm_market as market
from tests.ml.anomaly.test_pipeline import ROWS, fitted, scan, served

AT = 2200


def wild(rows: int = ROWS) -> pd.DataFrame:
    """A market whose ask has often been torn away in its past, so that its margin is wide."""
    quotes = market(rows, seed=3)
    rng = np.random.default_rng(3)
    torn = rng.random(rows) < 0.04
    torn[AT - 20 : AT + 5] = False
    quotes.loc[torn, "ask"] *= np.exp(np.abs(rng.normal(0, 0.06, torn.sum())))
    return quotes


@pytest.fixture(scope="module", params=["calm", "wild"])
def served_market(request, tmp_path_factory) -> tuple[AnomalyServer, pd.DataFrame]:
    quotes = market() if request.param == "calm" else wild()
    return served(fitted(quotes, tmp_path_factory.mktemp(request.param))), quotes


def found_at(server: AnomalyServer, quotes: pd.DataFrame, row: int, threshold=0.1) -> Anomaly:
    answer = scan(server, quotes, start=quotes.index[row], threshold=threshold)
    return {a.timestamp: a for a in answer.anomalies}[quotes.index[row]]


@pytest.mark.parametrize("times", [1.25, 0.8])
def test_one_torn_side_is_said_to_have_left_its_level(served_market, times: float) -> None:
    server, quotes = served_market
    quotes = quotes.copy()
    quotes.iloc[AT, 1] *= times
    if times > 1:
        text = found_at(server, quotes, AT, 0.05).text
        assert text.startswith("ask 2")
        assert "% above the level expected from the last 16 readings; bid " in text
    back = found_at(server, quotes, AT + 1, 0.01)
    assert back.kind != "level_shift"
    if back.kind == "spike":
        assert "ask down" in back.text if times > 1 else "ask up" in back.text
        assert "in one reading, to near the level expected from the last 16" in back.text


def test_both_sides_torn_are_both_named(served_market) -> None:
    server, quotes = served_market
    quotes = quotes.copy()
    quotes.iloc[AT, :2] *= 1.25
    text = found_at(server, quotes, AT).text
    assert text.count("above") == 2
    assert "in one reading" not in text


def test_a_level_that_holds_is_named_and_the_way_back_is_not(served_market) -> None:
    server, quotes = served_market
    quotes = quotes.copy()
    quotes.iloc[AT : AT + 6, :2] *= 1.1
    assert found_at(server, quotes, AT + 3).kind == "level_shift"
    assert found_at(server, quotes, AT + 6, 0.05).kind != "level_shift"


def test_severity_margins_and_kind_do_not_depend_on_what_was_asked_for(served_market) -> None:
    server, quotes = served_market
    quotes = quotes.copy()
    quotes.iloc[AT, 1] *= 2
    for source in Source:
        keen, plain = (
            {a.timestamp: a for a in scan(server, quotes, threshold=t, source=source).anomalies}
            for t in (0.04, 0.1)
        )
        assert plain.keys() < keen.keys()
        for at, anomaly in plain.items():
            assert keen[at] == anomaly
        assert {keen[at].severity for at in keen.keys() - plain.keys()} == {"low"}
        assert any(a.severity != "low" for a in plain.values())


def test_a_margin_is_where_its_own_head_would_ring(served_market) -> None:
    """The spread counts by more than its rarity: its margin is nearer by as much."""
    server, quotes = served_market
    quotes = quotes.copy()
    quotes.iloc[AT, 1] *= 2
    spread = found_at(server, quotes, AT).expected["spread_pct"]
    detector = server.detectors[Source.NETWORK]
    weekly = server.calibrations[Source.NETWORK].weekly
    tail = detector.heads.tails["spread"]
    features = features_between(quotes, usual=server.usual, start=quotes.index[AT])
    row = int(features.table.index.get_loc(quotes.index[AT]))
    margin = detector.score(features, threshold=weekly).margins["spread"][row]
    unit = detector.heads.measure(features, detector.network.residuals(features)).unit
    at = features.names.index("spread")
    sized = margin / (unit[row, at] * detector.network.standard.scale[at])
    assert tail(np.array([sized]))[0] * budget("spread") == pytest.approx(weekly, rel=1e-6)
    assert spread.upper < spread.observed


def test_the_shock_of_2026_reads_as_it_was(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "usdt_ves_binance_p2p.csv.gz"
    frame = pd.read_csv(path, parse_dates=["timestamp"]).drop_duplicates("timestamp")
    quotes = frame.set_index("timestamp").rename(columns={"bid_price": "bid", "ask_price": "ask"})
    quotes = quotes[[c for c in ("bid", "ask") if c in quotes]].dropna(how="all").sort_index()
    day = pd.Timestamp("2026-01-03", tz="UTC")
    server = served(fitted(quotes.loc[: day - pd.Timedelta("1h")].iloc[-4000:], tmp_path))
    tail = quotes.loc[day - pd.Timedelta("50D") : day + pd.Timedelta("1D")]
    answer = scan(server, tail, start=day)
    top = max(answer.anomalies, key=lambda a: a.score)
    assert "ask" in top.text
    assert "above" in top.text
    assert top.severity in ("high", "critical")
