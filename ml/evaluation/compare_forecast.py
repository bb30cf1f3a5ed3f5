"""Two forecasters on one stretch: the losses of the same origins, paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.errors import NotEnoughData
from ml.evaluation.significance import Verdict, diebold_mariano
from ml.forecast.metrics import crps
from ml.grid import build_grid
from ml.spec import Source
from ml.tasks import HORIZONS, Task

if TYPE_CHECKING:
    from ml.predictor import DLPredictor


@dataclass(frozen=True, kw_only=True)
class HorizonPair:
    """Mean CRPS of both at one horizon, in the forecast's unit."""

    steps: int
    n: int
    champion: float
    challenger: float


def meet(
    pair: tuple[DLPredictor, DLPredictor],
    quotes: pd.DataFrame,
    first: pd.Timestamp,
    last: pd.Timestamp,
) -> tuple[Verdict, tuple[HorizonPair, ...]]:
    """Losses per origin: the CRPS of every horizon over the mean CRPS of the last value there, and
    of those the mean. So the mean loss is the metric `crps`, and no horizon drowns another."""
    step = int(pair[0].manifest["step_minutes"])
    freq = pd.Timedelta(minutes=step)
    origins = pd.date_range(first.ceil(freq), last - freq, freq=freq).as_unit("ns")
    if not len(origins):
        raise NotEnoughData("The stretch is shorter than a step.", needed=1, present=0)
    grid = build_grid(quotes, step_minutes=step, end=last)
    column = "mid" if pair[0].task is Task.PRICE else "spread_pct"
    truth = np.stack(
        [grid[column].reindex(origins + h * freq).to_numpy() for h in HORIZONS], axis=1
    )
    asked = [*((one, Source.NETWORK) for one in pair), (pair[1], Source.BASELINE)]
    found = np.full((len(asked), len(origins), len(HORIZONS)), np.nan)
    for k, (predictor, source) in enumerate(asked):
        batch = predictor.forecast_batch(quotes, origins, source=source)
        rows = origins.get_indexer(batch.origins)
        if len(rows):
            found[k, rows] = crps(batch.answer.quantiles, truth[rows])
    known = np.isfinite(found).all(axis=0)
    if not known.any():
        raise NotEnoughData("No moment of that stretch has a known price.", needed=1, present=0)
    found[:, ~known] = np.nan
    used = known.any(axis=0)
    means = np.full((len(asked), len(HORIZONS)), np.nan)
    means[:, used] = np.nanmean(found[:, :, used], axis=1)
    horizons = tuple(
        HorizonPair(
            steps=h,
            n=int(known[:, k].sum()),
            champion=float(means[0, k]),
            challenger=float(means[1, k]),
        )
        for k, h in enumerate(HORIZONS)
        if used[k]
    )
    worth = used & (means[2] > 0)
    if not worth.any():
        raise NotEnoughData("Nothing moved in that stretch.", needed=1, present=0)
    # Each horizon weighs the same, also where one is known at fewer origins than another.
    share = known[:, worth].sum(axis=0) / known[:, worth].any(axis=1).sum()
    ratios = found[:, :, worth] / means[2, worth] / share
    total = np.where(known[:, worth].any(axis=1), np.nansum(ratios, axis=-1), np.nan)
    losses = total / worth.sum()
    return diebold_mariano(losses[0], losses[1], overlap=max(HORIZONS)), horizons
