"""What the networks rebuilt for the last scan."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml.anomaly.residuals import MOST_ROWS, RememberedRows
from ml.networks import inference
from ml.networks.anomaly import Together
from ml.networks.autoencoder import Autoencoder

WINDOW, FEATURES = 8, 3


def windows_of(rows: np.ndarray) -> np.ndarray:
    return np.maximum(rows[:, None] + np.arange(1 - WINDOW, 1), 0)


class Asked:
    """Rebuilds by a sum over the window and counts the windows."""

    def __init__(self) -> None:
        self.held, self.count = RememberedRows(), 0

    def __call__(self, minutes: np.ndarray, table: np.ndarray, first: int = 0) -> np.ndarray:
        def ask(windows: np.ndarray) -> np.ndarray:
            self.count = len(windows)
            return table[windows].sum(axis=1).astype(float)

        windows = windows_of(np.arange(first, len(table)))
        found = self.held.rebuilt(minutes, table, windows, ask)
        np.testing.assert_array_equal(found, ask_plain(table, windows))
        return found


def ask_plain(table: np.ndarray, windows: np.ndarray) -> np.ndarray:
    return table[windows].sum(axis=1).astype(float)


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return 30.0 * np.arange(400), rng.normal(size=(400, FEATURES)).astype(np.float32)


def test_a_row_later_only_that_one_is_asked_for(rows) -> None:
    minutes, table = rows
    asked = Asked()
    asked(minutes[:300], table[:300], 40)
    assert asked.count == 260
    asked(minutes[5:301], table[5:301], 40)
    assert asked.count == 1
    # Backwards, and further back than is held.
    asked(minutes[:290], table[:290], 40)
    assert asked.count == 1 + 5
    asked(minutes[:350], table[:350], 20)
    assert asked.count == 60 + 20


def test_windows_with_a_changed_row_are_asked_for_again(rows) -> None:
    minutes, table = rows
    asked = Asked()
    asked(minutes, table)
    changed = table.copy()
    changed[200, 1] += 1e-3
    asked(minutes, changed)
    assert asked.count == WINDOW + 1
    asked(minutes, table)
    assert asked.count == WINDOW + 1


def test_a_row_that_is_put_in_between_moves_the_others(rows) -> None:
    minutes, table = rows
    asked = Asked()
    without = np.delete(np.arange(400), 100)
    asked(minutes[without], table[without])
    asked(minutes, table)  # the rows after it are one further on: none of them is held
    assert asked.count == 300
    asked(minutes, table)
    assert asked.count == 1


def test_another_market_or_another_time_is_never_taken_for_it(rows) -> None:
    minutes, table = rows
    asked = Asked()
    asked(minutes, table)
    asked(minutes, table[::-1].copy())
    assert asked.count == 400
    asked(minutes + 1e6, table[::-1].copy())
    asked(minutes[:4], table[:4])
    asked(minutes, np.hstack([table, table]))
    assert asked.count == 400


def test_the_last_rows_of_a_long_scan_are_held() -> None:
    rng = np.random.default_rng(1)
    count = 3 * MOST_ROWS
    minutes, table = 30.0 * np.arange(count), rng.normal(size=(count, 2)).astype(np.float32)
    asked = Asked()
    asked(minutes, table)
    asked(minutes, table)
    assert asked.count == count - MOST_ROWS + 1


@pytest.mark.parametrize("window", [8, 16, 32, 64])
def test_a_window_is_rebuilt_alike_however_many_are_asked(window: int) -> None:
    torch.manual_seed(0)
    networks = Together([Autoencoder(9, window=window), Autoencoder(9, window=window)]).eval()
    x = torch.randn(333, window, 9)
    quick = inference._onnxruntime(networks, (x[:1],)).graph
    plain = inference.plain_network(networks, x.device)
    for network, tolerance in ((quick, 0.0), (plain, 1e-6)):
        whole = network.arrays(x.numpy())[0]
        for count in (1, 2, 16, 17, 100, 331):
            (part,) = network.arrays(x[-count:].numpy())
            np.testing.assert_allclose(part, whole[-count:], rtol=0, atol=tolerance)
