"""Two detectors on one stretch: their scores of the same planted rows, paired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.anomaly.measure import GRACE, SEEDS, average_precision, events
from ml.anomaly.planting import plant
from ml.errors import NotEnoughData
from ml.evaluation.significance import BLOCK, SignificanceTest, paired_bootstrap

if TYPE_CHECKING:
    from ml.predictor import DLPredictor


def compare_detectors(
    pair: tuple[DLPredictor, DLPredictor],
    quotes: pd.DataFrame,
    first: pd.Timestamp,
    last: pd.Timestamp,
) -> SignificanceTest:
    """Average precision on planted copies of the stretch, the same for both. Rows just after an
    event count neither way, as in ml.anomaly.measure."""
    scores: list[list[np.ndarray]] = [[], []]
    label, counted = [], []
    for seed in SEEDS:
        planted = plant(quotes, seed=seed, start=first)
        index = None
        for who, predictor in enumerate(pair):
            answer = predictor.detect_anomalies(
                planted.quotes, start=first.to_pydatetime(), end=last.to_pydatetime()
            )
            index = answer.timestamps
            scores[who].append(np.asarray(answer.scores, float))
        kind = planted.kind[planted.quotes.index.searchsorted(index, side="right") - 1]
        strange = kind != ""
        quiet = np.ones(len(kind), dtype=bool)
        for begin, stop, _ in events(kind):
            quiet[begin : stop + GRACE + 1] = False
        label.append(strange.astype(int))
        counted.append(strange | quiet)
    truth, table = np.stack(label), np.stack([np.stack(one) for one in scores])
    mask = np.stack(counted) & np.isfinite(table).all(axis=0)
    if not (mask & (truth > 0)).any():
        raise NotEnoughData("Nothing could be planted in that stretch.", needed=1, present=0)

    def metric(places: np.ndarray, who: int) -> float:
        rows = mask[:, places]
        return average_precision(truth[:, places][rows], table[who][:, places][rows])

    return paired_bootstrap(metric, truth.shape[1], block=BLOCK)
