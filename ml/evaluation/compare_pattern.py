"""Two recognisers on one stretch: what they named the same rows, paired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.errors import NotEnoughData
from ml.evaluation.significance import BLOCK, Verdict, paired_bootstrap
from ml.grid import build_grid
from ml.pattern.labels import CLASSES, MAIN_HEADS, make_labels
from ml.pattern.measure import macro_f1
from ml.pattern.server import usable_rows

if TYPE_CHECKING:
    from ml.predictor import DLPredictor


def meet(
    pair: tuple[DLPredictor, DLPredictor],
    quotes: pd.DataFrame,
    first: pd.Timestamp,
    last: pd.Timestamp,
) -> Verdict:
    """Macro-F1 over the heads that every market has, on the rows that both can name."""
    step = int(pair[0].manifest["step_minutes"])
    grid = build_grid(quotes, step_minutes=step, end=last)
    truth = make_labels(grid, centred=True)
    known = np.asarray(grid.index >= first)
    named = []
    for predictor in pair:
        known &= usable_rows(grid, int(predictor.manifest["window"]), step)
        history = int(np.sum(grid.index >= first)) - 1
        answer = predictor.recognize_patterns(quotes, at=last.to_pydatetime(), history=history)
        best = {
            pd.Timestamp(p.as_of): [
                CLASSES[h].index(max(p.heads[h], key=lambda c, h=h, p=p: p.heads[h][c]))
                for h in MAIN_HEADS
            ]
            for p in (*answer.history, answer.current)
        }
        known &= np.asarray(grid.index.isin(best.keys()))
        named.append(np.array([best.get(at, [-1] * len(MAIN_HEADS)) for at in grid.index]))
    labels = np.stack([truth[h] for h in MAIN_HEADS], axis=1)
    known &= (labels >= 0).all(axis=1)
    if not known.any():
        raise NotEnoughData("No row of that stretch has a label.", needed=1, present=0)
    labels, guesses = labels[known], [one[known] for one in named]

    def metric(places: np.ndarray, who: int) -> float:
        scores = [
            macro_f1(labels[places, k], guesses[who][places, k], len(CLASSES[head]))
            for k, head in enumerate(MAIN_HEADS)
        ]
        return float(np.mean(scores))

    return paired_bootstrap(metric, len(labels), block=BLOCK)
