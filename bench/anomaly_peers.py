"""Detectors that others would reach for, untuned: causal scores of every row of a feature table.

Each takes (rows, features) without NaN and how many first rows it may learn from; row t is scored
from rows <= t.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pandas as pd

TRAIL, WINDOW = 720, 16
#: Most rows that the learning peers are shown; evenly spread.
_MOST = 6000

Peer = Callable[[np.ndarray, int], np.ndarray]


def rolling_mad(table: np.ndarray, learn: int) -> np.ndarray:
    """Largest deviation from the trailing median, in trailing MADs."""
    frame = pd.DataFrame(table)
    middle = frame.shift(1).rolling(TRAIL, min_periods=20).median()
    away = (frame - middle).abs()
    unit = away.shift(1).rolling(TRAIL, min_periods=20).median()
    floor = 0.1 * frame[:learn].std() + 1e-9
    return np.nan_to_num((away / unit.clip(lower=floor, axis=1)).max(axis=1).to_numpy())


def _windows(table: np.ndarray, learn: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, WINDOW * features) standardised windows that end at each row, and those to learn."""
    middle = np.median(table[:learn], axis=0)
    scale = np.quantile(np.abs(table[:learn] - middle), 0.9, axis=0) + 1e-9
    scale = np.maximum(scale, 0.1 * table[:learn].std(axis=0))
    z = np.clip((table - middle) / scale, -20, 20)
    padded = np.vstack([np.repeat(z[:1], WINDOW - 1, axis=0), z])
    wide = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=0).reshape(len(z), -1)
    picked = np.unique(np.linspace(0, learn - 1, min(learn, _MOST)).astype(int))
    return wide, wide[picked]


def lof(table: np.ndarray, learn: int) -> np.ndarray:
    """Local outlier factor of windows among those of the learning rows (scikit-learn)."""
    from sklearn.neighbors import LocalOutlierFactor  # a requirement of this bench alone

    wide, known = _windows(table, learn)
    model = LocalOutlierFactor(n_neighbors=min(50, len(known) - 1), novelty=True).fit(known)
    return -model.score_samples(wide)


def pyod_autoencoder(table: np.ndarray, learn: int) -> np.ndarray:
    """PyOD's AutoEncoder on the rows themselves, as it comes."""
    from pyod.models.auto_encoder import AutoEncoder  # a requirement of this bench alone

    picked = np.unique(np.linspace(0, learn - 1, min(learn, _MOST)).astype(int))
    model = AutoEncoder(epoch_num=10, batch_size=128, verbose=0, random_state=0, device="cpu")
    return np.asarray(model.fit(table[picked]).decision_function(table), dtype="float64")


def peers() -> dict[str, Peer | str]:
    """Name -> peer, or why it is not here."""
    found: dict[str, Peer | str] = {"rolling MAD": rolling_mad}
    for name, module, peer in (
        ("LOF of windows", "sklearn.neighbors", lof),
        ("PyOD AutoEncoder", "pyod.models.auto_encoder", pyod_autoencoder),
    ):
        try:
            importlib.import_module(module)
        except ImportError as error:
            found[name] = str(error)
        else:
            found[name] = peer
    return found
