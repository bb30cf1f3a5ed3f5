"""One quote at a time gives the scores of the whole table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file, save_file

from ml.anomaly import stream_state as resume
from ml.anomaly.calibration import AlarmRateCalibration
from ml.anomaly.detectors import NetworkDetector
from ml.anomaly.features import make_features
from ml.anomaly.readings import TRAIL
from ml.anomaly.residuals import Rebuilder
from ml.anomaly.stream import QuoteStream
from ml.anomaly.stream_state import state_after, unpack
from ml.anomaly.training import fit_rebuilder
from ml.errors import ArtifactMismatch, NotEnoughData
from ml.families.autoencoder import AutoencoderConfig
from ml.networks import inference
from ml.networks.anomaly import Together
from ml.registry import get_spec
from tests.markets import calm_market as market

USUAL = 30.0
WEEKLY = AlarmRateCalibration(2.0, 1.0)
COLUMNS = ("bid", "ask", "bid_volume", "ask_volume")


@pytest.fixture(scope="module")
def quotes() -> pd.DataFrame:
    """A market with everything that can be odd: split and doubled rows, gaps, faults."""
    frame = market(1500)
    frame.iloc[900:904, 1] *= 1.05
    frame.iloc[1000:1012] = frame.iloc[999].to_numpy()
    frame.iloc[1100:1106, [0, 2]] = np.nan
    frame.iloc[1200, 2:] = np.nan
    frame = frame.drop(frame.index[1250:1290])
    late = frame.iloc[600:640].copy()
    frame.iloc[600:640, [1, 3]] = np.nan
    late.iloc[:, [0, 2]] = np.nan
    late.index = late.index + pd.Timedelta(minutes=1)
    return pd.concat([frame, late]).sort_index()


@pytest.fixture(scope="module")
def detector(quotes: pd.DataFrame) -> NetworkDetector:
    features = make_features(quotes, usual=USUAL)
    config = AutoencoderConfig(epochs=1, members=1, channels=8, latent=6)
    rows = np.full(len(quotes), True)
    spec = get_spec("autoencoder")
    fitted = fit_rebuilder(features, rows, spec, config, device=torch.device("cpu"))
    # As it is served: the same bits however many rows are asked.
    example = torch.zeros(1, config.window, len(features.names))
    graph = inference._onnxruntime(Together(fitted.networks), (example,)).graph
    network = Rebuilder(graph, fitted.rebuilder.standard, config.window)
    return NetworkDetector.fit(network, features, rows)


def stream(detector: NetworkDetector, state: dict[str, np.ndarray] | None = None) -> QuoteStream:
    return QuoteStream(detector, WEEKLY, usual=USUAL, columns=COLUMNS, state=state)


def test_row_by_row_equals_the_whole_table(quotes: pd.DataFrame, detector: NetworkDetector) -> None:
    scored = detector.score(make_features(quotes, usual=USUAL))
    one_by_one = stream(detector).extend(quotes)
    np.testing.assert_allclose(one_by_one, WEEKLY.public(scored.total), atol=1e-6)
    assert one_by_one.max() > 0.1


def test_a_stored_state_goes_on_where_it_stopped(
    quotes: pd.DataFrame, detector: NetworkDetector, tmp_path: Path
) -> None:
    whole = stream(detector).extend(quotes.iloc[:1000])
    first = stream(detector)
    first.extend(quotes.iloc[:905])
    save_file({k: np.ascontiguousarray(v) for k, v in first.state.items()}, tmp_path / "state")
    second = stream(detector, load_file(tmp_path / "state"))
    np.testing.assert_allclose(second.extend(quotes.iloc[905:1000]), whole[905:], atol=1e-12)


# Within a fault, at its edge, in a gap, at the end.
@pytest.mark.parametrize("rows", [903, 1000, 1103, 1270, 1499])
def test_a_state_made_of_a_table_is_that_of_a_stream_fed_with_it(
    quotes: pd.DataFrame, detector: NetworkDetector, rows: int
) -> None:
    fed, head = stream(detector), quotes.iloc[:rows]
    fed.extend(head)
    features = make_features(head, usual=USUAL)
    made = state_after(detector, features, threshold=2.0)
    assert made.keys() == fed.state.keys()
    for name, array in fed.state.items():
        np.testing.assert_allclose(made[name], array, atol=1e-6, err_msg=name)
        assert made[name].dtype == array.dtype


def test_a_state_survives_its_bytes_and_no_others(
    quotes: pd.DataFrame, detector: NetworkDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = stream(detector)
    running.extend(quotes.iloc[:800])
    body = running.pack()
    again = stream(detector, unpack(body))
    rest = quotes.iloc[800:820]
    np.testing.assert_array_equal(again.extend(rest), running.extend(rest))
    for wrong in (b"", b"cos\nsystem\n(S'true'\ntR.", body[:-5]):
        with pytest.raises(ArtifactMismatch):
            unpack(wrong)
    monkeypatch.setattr(resume, "FORMAT", resume.FORMAT + 1)
    with pytest.raises(ArtifactMismatch):
        unpack(body)


def test_a_short_table_makes_no_state(quotes: pd.DataFrame, detector: NetworkDetector) -> None:
    features = make_features(quotes.iloc[:TRAIL], usual=USUAL)
    with pytest.raises(NotEnoughData):
        state_after(detector, features, threshold=2.0)


def test_the_state_does_not_grow(quotes: pd.DataFrame, detector: NetworkDetector) -> None:
    running = stream(detector)
    running.extend(quotes.iloc[:300])
    size = {k: v.shape for k, v in running.state.items()}
    running.extend(quotes.iloc[300:500])
    assert {k: v.shape for k, v in running.state.items()} == size


def test_one_quote_gets_a_score(quotes: pd.DataFrame, detector: NetworkDetector) -> None:
    running = stream(detector)
    running.extend(quotes.iloc[:800])
    row = quotes.iloc[800]
    wild = row.to_dict() | {"ask": row["ask"] * 1.4}
    found = running.feed(quotes.index[800], wild)
    assert found.alarm
    assert max(found.heads, key=lambda k: found.heads[k]) in ("return_ask", "spread")


def test_the_names_in_a_state_are_those_of_stored_ones(
    quotes: pd.DataFrame, detector: NetworkDetector
) -> None:
    running = stream(detector)
    running.extend(quotes.iloc[:30])
    stored = (
        "alarm before bucket count decades filled held home homes input inputs last_seen level "
        "levels local minute run runs seen size sizes start step steps sum sums"
    )
    assert sorted(unpack(running.pack())) == stored.split()
