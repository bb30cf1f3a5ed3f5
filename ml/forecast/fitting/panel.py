"""Windows of other markets: what one network for a panel of markets learns from beside its own.

Such a *global* model trades the fit of one market for what all have in common; an embedding of the
market tells them apart (Montero-Manso and Hyndman 2021; Salinas et al. 2020, DeepAR). Every market
is seen in its own trailing scales, so no level or unit passes from one to another.

Another market is cut at the last target of the stretch that is learned from before anything is made
of it: grid, scales, cleaned targets. What it quoted later cannot be known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.configs import PanelConfig
from ml.forecast.features import FeatureMaker
from ml.forecast.fitting.dataset import JoinedSamples, Samples, clean_samples
from ml.forecast.series import make_series
from ml.forecast.targets import Target
from ml.grid import build_grid
from ml.redenomination import find_redenominations, rescaled
from ml.tasks import HORIZONS, Task


@dataclass(frozen=True, kw_only=True)
class OtherMarkets:
    """The quotes of other markets by name, and how they are seen: on the grid, by the columns and
    with the window of the market that a network is trained for."""

    quotes: Mapping[str, pd.DataFrame]
    config: PanelConfig
    task: Task
    columns: Sequence[str]
    step_minutes: int

    def samples(self, until: pd.Timestamp) -> JoinedSamples | None:
        """Samples whose targets are all known at `until`; the markets are numbered from 1 in the
        order given. One without a usable window by then, or without the columns, has none; None
        where no market has any."""
        found: dict[int, Samples] = {}
        for number, quotes in enumerate([*self.quotes.values()][: self.config.markets], 1):
            maker = self._maker(quotes, until)
            samples = None if maker is None else self._drawn(maker, number)
            if samples:
                found[number] = samples
        return JoinedSamples(found) if found else None

    def _maker(self, quotes: pd.DataFrame, until: pd.Timestamp) -> FeatureMaker | None:
        """Of what was quoted by then; None where that is no series of this kind."""
        if not set(self.columns) <= set(quotes.columns):
            return None
        seen = quotes.loc[:until, list(self.columns)].dropna(how="all")
        if seen.isna().all().any():  # also where no row is left
            return None
        seen = rescaled(seen, find_redenominations(seen))
        grid = build_grid(seen, step_minutes=self.step_minutes)
        window = self.config.window
        if len(grid) < window + max(HORIZONS):
            return None
        return FeatureMaker(make_series(grid, Target(self.task), self.step_minutes), window)

    def _drawn(self, maker: FeatureMaker, number: int) -> Samples:
        """Of at most so many windows as the config says, anywhere in the market's history."""
        rows = len(maker.series)
        origins = np.arange(maker.window - 1, rows - 1)
        usable = origins[maker.usable(origins)]
        rng = np.random.default_rng([self.config.seed, number])
        chosen = np.sort(rng.permutation(usable)[: self.config.market_windows])
        return clean_samples(maker, chosen, self.task, stop=rows)
