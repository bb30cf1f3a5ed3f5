"""Two backtests of one plan but for what was trained: is one better, or was it luck?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.errors import NotEnoughData
from ml.evaluation.plan import BacktestPlan
from ml.evaluation.scores import Rows, score_rows
from ml.evaluation.significance import SignificanceTest, diebold_mariano
from ml.forecast.metrics import crps
from ml.tasks import HORIZONS


def compare_backtests(
    champion: pd.DataFrame, challenger: pd.DataFrame, quotes: pd.DataFrame, plan: BacktestPlan
) -> SignificanceTest:
    """Diebold-Mariano on the losses of both, forecasts in long form of the plan's origins: per
    origin the CRPS on clean targets over the mean CRPS of the last value, averaged over the
    horizons, as champion and challenger are compared. Raises NotEnoughData."""
    origins = plan.origins()
    losses = np.stack(
        [_losses(score_rows(one, quotes, plan), origins) for one in (champion, challenger)]
    )
    losses = np.where(np.isfinite(losses).all(axis=0), losses, np.nan)
    with np.errstate(invalid="ignore"):
        counted = np.isfinite(losses).sum(axis=-1)
        totals = np.where(counted > 0, np.nansum(losses, axis=-1) / np.maximum(counted, 1), np.nan)
    if not np.isfinite(totals).all(axis=0).any():
        raise NotEnoughData("Nothing moved in that stretch.", needed=1, present=0)
    overlap = -(-max(HORIZONS) // plan.origin_step)
    return diebold_mariano(totals[0], totals[1], overlap=overlap)


def _losses(found: list[Rows], origins: pd.DatetimeIndex) -> np.ndarray:
    """(origins, horizons), NaN where a target is unknown or the last value never errs."""
    losses = np.full((len(origins), len(found)), np.nan)
    for column, rows in enumerate(found):
        kept = rows.kept["clean"]
        kept = kept & np.isfinite(rows.model[1]).all(axis=1) & np.isfinite(rows.last[1]).all(axis=1)
        if not kept.any():
            continue
        base = crps(rows.last[1][kept], rows.truth[kept]).mean()
        at = origins.get_indexer(rows.origins[kept])
        if base > 0:
            losses[at, column] = crps(rows.model[1][kept], rows.truth[kept]) / base
    return losses
