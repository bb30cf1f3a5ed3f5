"""Training samples: batches cut out of one strided view, long memory hidden at random; and
copies of the market that are asked as often as it is asked lately.

How often quotes come changes for good (a collector is set to another pace), and with it what a
grid row means. A copy of the history, thinned to the gaps of its last days, teaches that pace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ml.forecast.ensemble import StaticScaler
from ml.forecast.features import FeatureMaker, Inputs, scaled_windows
from ml.forecast.targets import CLIP, clean_mask, future, has_changed
from ml.tasks import KNOT_LEVELS, Task

MEMORY_DROPOUT = 0.1
RECENT_DAYS = 8
_LEAST_GAPS = 50
_BLOCK = 24  # gaps drawn in a row, so that their rhythm stays


def polling_augmentation(quotes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame | None:
    """`quotes` as they would have been seen at the pace of their last 8 days: at every drawn moment
    the row seen last, no older than the draw before, under its age then. None where there are too
    few gaps to draw from."""
    stamps = pd.DatetimeIndex(quotes.index).as_unit("ns").asi8
    recent = stamps[stamps >= stamps[-1] - RECENT_DAYS * 86_400_000_000_000]
    gaps = np.diff(recent)
    if len(gaps) < _LEAST_GAPS:
        return None
    wanted = int(1.2 * (stamps[-1] - stamps[0]) / gaps.mean()) + 10 * _BLOCK
    starts = rng.integers(0, len(gaps) - _BLOCK + 1, -(-wanted // _BLOCK))
    drawn = gaps[(starts[:, None] + np.arange(_BLOCK)).reshape(-1)]
    moments = stamps[0] + np.cumsum(drawn)
    moments = moments[moments <= stamps[-1]]
    place = np.searchsorted(stamps, moments, side="right") - 1
    first = np.flatnonzero(np.diff(place, prepend=-1) > 0)  # a row is seen once
    table = quotes.iloc[place[first]]
    return table.set_axis(pd.DatetimeIndex(moments[first], tz="UTC"))


class Samples:
    """Samples of the origins `rows`, with and without long memory.

    `targets` (n,) is the encoded series in which unfit targets are NaN. `mirror` shows half of the
    samples upside down.
    """

    def __init__(
        self, maker: FeatureMaker, rows: np.ndarray, targets: np.ndarray, *, mirror: bool
    ) -> None:
        self.maker, self.mirror = maker, mirror
        wanted = future(targets, rows) - maker.series.y[rows, None]
        some = np.isfinite(wanted).any(axis=1)
        self.rows, self.change = rows[some], wanted[some]
        blind = np.zeros(len(self.rows), dtype=bool)
        self._views = [maker.summaries_of(self.rows, m) for m in (blind, ~blind)]
        self.device = torch.device("cpu")
        self._static: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self.rows)

    def keep(self, numbers: np.ndarray) -> None:
        """Only the samples of these `numbers` (k,)."""
        self.rows, self.change = self.rows[numbers], self.change[numbers]
        self._views = [view.only(numbers) for view in self._views]

    @property
    def static(self) -> np.ndarray:
        """(n, features) unscaled, with all the memory there is."""
        return self._views[1].static

    @property
    def paths(self) -> np.ndarray:
        """(n, horizons, paths) with all the memory there is."""
        return self._views[1].paths

    @property
    def scale(self) -> np.ndarray:
        """(n,) trailing scale, percent."""
        return self._views[1].scale

    def prepare(self, scaler: StaticScaler, device: torch.device) -> None:
        """Scale the static inputs, and let batches lie on `device`."""
        self._static = [scaler(view.static) for view in self._views]
        self.device = device

    def moves(self) -> np.ndarray:
        """(n, horizons) targets in trailing scales, NaN where unknown."""
        return np.clip(self.change / self.scale[:, None], -CLIP, CLIP)

    def climatology(self) -> tuple[Tensor, Tensor]:
        """Rate of change (horizons,) and knots (horizons, N_KNOTS) of the moves, to start from."""
        rates, knots, levels = [], [], np.array(KNOT_LEVELS)
        for moves in self.moves().T:
            moves = moves[np.isfinite(moves)]
            changed = moves[has_changed(moves)]
            if self.mirror:
                changed = np.concatenate([changed, -changed])
            rates.append(has_changed(moves).mean() if len(moves) else 0.5)
            knots.append(np.quantile(changed, levels) if len(changed) else levels - 0.5)
        return torch.tensor(rates), torch.tensor(np.stack(knots), dtype=torch.float32)

    def unit(self) -> Tensor:
        """(horizons,) mean |move| in trailing scales."""
        size = np.nan_to_num(np.nanmean(np.abs(self.moves()), axis=0), nan=1.0)
        return torch.tensor(np.maximum(size, 0.1), dtype=torch.float32)

    def batch(
        self, numbers: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[list[Tensor], ...]:
        """Inputs [windows, static, paths] and wanted [moves, changed, weight] of some samples;
        `rng` hides the long memory of some, None of none."""
        recalls = np.ones(len(numbers), dtype=bool)
        if rng is not None:
            recalls = rng.random(len(numbers)) >= MEMORY_DROPOUT
        blind, full = self._views

        def pick(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            shape = (-1,) + (1,) * (b.ndim - 1)
            return np.where(recalls.reshape(shape), b[numbers], a[numbers])

        scale = pick(blind.scale, full.scale)
        inputs = [
            self._windows(numbers, scale),
            pick(*self._static),
            pick(blind.paths, full.paths),
        ]
        change = self.change[numbers]
        moves = np.clip(change / scale[:, None], -CLIP, CLIP).astype("float32")
        weight = np.sqrt(scale / self._typical(numbers)).astype("float32")[:, None]
        if self.mirror and rng is not None:
            self._mirror(rng.random(len(numbers)) < 0.5, inputs, moves)
        wanted = [moves, has_changed(change), np.minimum(weight, 5.0)]
        return tuple([torch.from_numpy(x).to(self.device) for x in g] for g in (inputs, wanted))

    def _windows(self, numbers: np.ndarray, scale: np.ndarray) -> np.ndarray:
        return self.maker.windows(self.rows[numbers], scale)

    def _typical(self, numbers: np.ndarray) -> np.ndarray | float:
        """Typical move of the market of each sample, percent."""
        return self.maker.typical.y

    def _mirror(self, which: np.ndarray, inputs: list[np.ndarray], moves: np.ndarray) -> None:
        """Turn some samples upside down, in place: a market's past trend is no promise."""
        sign = np.where(which, -1.0, 1.0).astype("float32")[:, None]
        inputs[0][..., self.maker.odd_channels] *= sign[..., None]
        inputs[1][:, self.maker.odd_static] *= sign
        inputs[2][:] *= sign[..., None]
        moves *= sign


class JoinedSamples(Samples):
    """Samples of several markets as one: a batch is cut once, not once for each of them."""

    def __init__(self, parts: Mapping[int, Samples]) -> None:
        """`parts` by the number of their market, which `markets` (n,) tells of each sample."""
        found = [*parts.values()]
        counts = [len(part) for part in found]
        self.maker, self.mirror = found[0].maker, found[0].mirror
        self.rows, self.change = (
            np.concatenate([getattr(part, name) for part in found]) for name in ("rows", "change")
        )
        self._views = [_joined(views) for views in zip(*(p._views for p in found), strict=True)]
        self.markets = np.repeat([*parts], counts)
        self._typical_move = np.repeat([part.maker.typical.y for part in found], counts)
        self._other = np.repeat([part.maker.typical.other for part in found], counts)[:, None]
        # Levels are relative by now, so that half the digits are enough.
        cut = [part.maker.cut_windows(part.rows).astype("float32") for part in found]
        self._cut = np.concatenate(cut)
        self.device = torch.device("cpu")
        self._static: list[np.ndarray] = []

    def _windows(self, numbers: np.ndarray, scale: np.ndarray) -> np.ndarray:
        other = None if self.maker.other_unit is None else self._other[numbers]
        return scaled_windows(self._cut[numbers], scale, other)

    def _typical(self, numbers: np.ndarray) -> np.ndarray | float:
        return self._typical_move[numbers]


def _joined(views: Sequence[Inputs]) -> Inputs:
    names = [field.name for field in fields(Inputs)]
    return Inputs(**{n: np.concatenate([getattr(v, n) for v in views]) for n in names})


def clean_samples(maker: FeatureMaker, origins: np.ndarray, task: Task, *, stop: int) -> Samples:
    """The samples of `origins` (m,), with targets cleaned by the rows before `stop` only."""
    y = maker.series.y[:stop]
    half = min(maker.window, maker.series.per_day // 2 or 1)
    targets = np.where(clean_mask(y, task, half), y, np.nan)
    return Samples(maker, origins, targets, mirror=task is Task.PRICE)
