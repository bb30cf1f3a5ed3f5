"""Two detectors on one stretch: their scores of the same planted rows, paired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.anomaly.measure import SEEDS, average_precision, quiet_rows
from ml.anomaly.planting import Planted, plant
from ml.errors import NotEnoughData
from ml.evaluation.significance import BLOCK, Verdict, paired_bootstrap

if TYPE_CHECKING:
    from ml.predictor import DLPredictor


def compare_detectors(
    pair: tuple[DLPredictor, DLPredictor],
    quotes: pd.DataFrame,
    first: pd.Timestamp,
    last: pd.Timestamp,
) -> Verdict:
    """Average precision on planted copies of the stretch, the same for both. Rows just after an
    event count neither way, as in ml.anomaly.measure. Raises NotEnoughData where nothing can be
    planted."""
    copies = (plant(quotes, seed=seed, start=first) for seed in SEEDS)
    answers = [_answers(pair, copy, first, last) for copy in copies]
    truth, counted, table = (np.stack(parts) for parts in zip(*answers, strict=True))
    mask = counted & np.isfinite(table).all(axis=1)
    if not (mask & truth).any():
        raise NotEnoughData("Nothing could be planted in that stretch.", needed=1, present=0)

    def metric(places: np.ndarray, who: int) -> float:
        rows = mask[:, places]
        return average_precision(truth[:, places][rows], table[:, who, places][rows])

    return paired_bootstrap(metric, truth.shape[1], block=BLOCK)


def _answers(
    pair: tuple[DLPredictor, DLPredictor],
    planted: Planted,
    first: pd.Timestamp,
    last: pd.Timestamp,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows,) planted rows, (rows,) rows that count, (2, rows) public scores of either, NaN while
    warming up."""
    span = {"start": first.to_pydatetime(), "end": last.to_pydatetime()}
    found = [predictor.detect_anomalies(planted.quotes, **span) for predictor in pair]
    rows = planted.quotes.index.searchsorted(found[-1].timestamps, side="right") - 1
    kind = planted.kind[rows]
    scores = np.stack([np.asarray(one.scores, float) for one in found])
    return kind != "", (kind != "") | quiet_rows(kind), scores
