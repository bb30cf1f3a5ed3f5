"""Causal inputs of the networks: the last rows as a window, and summaries of what lies before.

Everything is relative to the last value and in trailing scales, so that neither a market's level
nor its quietness matters. Inputs of row t are made of rows up to t only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ml.forecast.series import (
    MEMORY_DAYS,
    WHOLE_SHARE,
    Scales,
    Series,
    move_scales,
    moves,
    trailing_mean,
)
from ml.forecast.summaries import Summaries, odd_columns
from ml.forecast.targets import PATH_CLIP, has_changed

_FLOOR_SHARE = 0.1
_LEAST_SCALE = 1e-4  # percent


@dataclass(frozen=True)
class Typical:
    """Median one-step moves of the training part, percent: what a short history falls back to."""

    y: float
    other: float


@dataclass(frozen=True)
class Inputs:
    """Inputs of m origins. `windows` (m, window, channels) and `paths` (m, horizons, N_PATHS) are
    ready for a network; `static` (m, features) still has NaN where unknown; `scale` (m,) percent.
    All float32 but the scale."""

    windows: np.ndarray
    static: np.ndarray
    paths: np.ndarray
    scale: np.ndarray

    def only(self, numbers: np.ndarray) -> Inputs:
        """Those of some origins."""
        return Inputs(
            self.windows[numbers],
            self.static[numbers],
            self.paths[numbers],
            self.scale[numbers],
        )


class FeatureMaker:
    """Makes the inputs of any origins of one series; what origins share is made once.

    `fitted_on` are the rows whose medians become `typical` where that is not given; `capped` is
    known of a tail (see `move_scales`).
    """

    def __init__(
        self,
        series: Series,
        window: int,
        *,
        typical: Typical | None = None,
        fitted_on: range | None = None,
        capped: np.ndarray | None = None,
    ) -> None:
        self.series, self.window, self._capped = series, window, capped
        if typical is None:
            rows = slice(None) if fitted_on is None else slice(fitted_on.start, fitted_on.stop)
            typical = Typical(_typical_move(series.y[rows]), _typical_move(series.other, rows))
        self.typical = typical
        self.short_scale = blend(typical.y, trailing_mean(series.size, window), typical.y)
        self.odd_static = odd_columns(series)
        self.odd_channels = [0, 1]
        since = 0 if capped is None else len(capped)
        self._summaries = Summaries(series, window, since)
        #: The first row that ends one of the windows.
        self._first = max(0, since - window)
        self._sources = self._window_sources()

    # What needs weeks is made when a row has them.
    @cached_property
    def _scales(self) -> Scales:
        return move_scales(self.series.size, self.series.per_day, self.window, self._capped)

    @property
    def capped(self) -> np.ndarray:
        """(n,) the capped moves (see `move_scales`)."""
        return self._scales.capped

    @cached_property
    def has_memory(self) -> np.ndarray:
        """(n,) True for rows that weeks lie before."""
        rows, enough = len(self.series), MEMORY_DAYS * self.series.per_day
        if rows <= enough:
            return np.zeros(rows, dtype=bool)
        return (np.arange(rows) >= enough) & np.isfinite(self._scales.slow)

    @cached_property
    def long_scale(self) -> np.ndarray:
        """(n,) typical move of rows with a memory, percent."""
        return blend(self._scales.slow, self._scales.fast, self.typical.y)

    def scale_of(self, rows: np.ndarray, memory: np.ndarray) -> np.ndarray:
        """(m,) typical move of `rows`, of those without `memory` (m,) by their window alone."""
        short = self.short_scale[rows]
        return np.where(memory, self.long_scale[rows], short) if memory.any() else short

    def _window_sources(self) -> np.ndarray:
        """(rows + window - 1, channels) of the rows that may be asked for and what lies before
        them, padded at the start so that every row ends one window."""
        s, before = self.series, self._first - self.window + 1
        own = slice(max(0, before), None)
        change = s.change[own]
        late = np.arcsinh(np.minimum(s.ages[own], 1e4) / s.step_minutes)
        columns = [s.y[own], change, np.isfinite(s.y[own]), has_changed(change), *late.T]
        if s.other is not None:
            columns += [s.other[own], moves(s.other)[own]]
        table = np.array(columns, dtype="float64").T.copy()
        pad = np.full((max(0, -before), table.shape[1]), np.nan)
        return np.concatenate([pad, table])

    @property
    def n_channels(self) -> int:
        """Columns of a window."""
        return self._sources.shape[1]

    def windows(self, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """(m, window, channels) ready for a network; an unknown cell is 0, its flag says so."""
        return scaled_windows(self.cut_windows(rows), scale, self.other_unit)

    def cut_windows(self, rows: np.ndarray) -> np.ndarray:
        """(m, window, channels) out of one strided view, levels relative to the last row's."""
        if len(rows) == 1:
            first = int(rows[0]) - self._first
            cut = self._sources[None, first : first + self.window].copy()
        else:
            view = np.lib.stride_tricks.sliding_window_view(self._sources, self.window, axis=0)
            cut = view[rows - self._first].transpose(0, 2, 1).copy()
        for level in (0,) if self.series.other is None else (0, -2):
            cut[..., level] -= cut[:, -1:, level]
        return cut

    @property
    def other_unit(self) -> float | None:
        """Typical move of the other quantity, None where there is none."""
        return None if self.series.other is None else self.typical.other

    def summaries_of(self, rows: np.ndarray, memory: np.ndarray | None = None) -> Inputs:
        """Inputs of the origins `rows` without their windows (m, 0, channels); `memory` (m,) False
        hides what lies before the window, scale included."""
        has = self.has_memory[rows]
        memory = has if memory is None else memory & has
        scale = self.scale_of(rows, memory)
        other = self.typical.other
        recent = self._summaries.recent(rows, scale, self.typical.y, other)
        if memory.any():
            paths = self._summaries.paths(rows, scale)
            recall = self._summaries.recall(rows, scale, other, paths)
            recall = np.where(memory[:, None], recall, np.nan)
            paths[:, :, :-1] = np.where(memory[:, None, None], paths[:, :, :-1], 0.0)
        else:
            paths = self._summaries.short_paths(rows, scale)
            recall = np.full((len(rows), len(self.odd_static) - recent.shape[1] - 1), np.nan)
        return Inputs(
            np.empty((len(rows), 0, self.n_channels), dtype="float32"),
            np.concatenate([recent, recall, memory[:, None]], axis=1).astype("float32"),
            _clipped(paths).astype("float32"),
            scale,
        )

    def inputs(self, rows: np.ndarray, memory: np.ndarray | None = None) -> Inputs:
        """Inputs of the origins `rows`, windows and all."""
        found = self.summaries_of(rows, memory)
        return replace(found, windows=self.windows(rows, found.scale))

    def usable(self, rows: np.ndarray) -> np.ndarray:
        """(m,) True where a window may be learnt from: its last row and three quarters of the rest
        are known, so that no window bridges a gap."""
        known = self._sources[:, 2]
        view = np.lib.stride_tricks.sliding_window_view(known, self.window)[rows - self._first]
        return (view[:, -1] > 0) & (np.nan_to_num(view).mean(axis=1) >= WHOLE_SHARE)


def scaled_windows(
    cut: np.ndarray, scale: np.ndarray, other: np.ndarray | float | None
) -> np.ndarray:
    """What `FeatureMaker.cut_windows` gives in units of `scale` (m,) and, of the other quantity,
    of `other`, (m, 1) or one for all; it is changed in place. What is unknown becomes 0."""
    pairs: list[tuple[int, int, np.ndarray | float]] = [(0, 1, scale[:, None])]
    if other is not None:
        pairs.append((-2, -1, other))
    for level, change, unit in pairs:
        cut[..., level] = np.arcsinh(cut[..., level] / unit / 2)
        cut[..., change] = np.arcsinh(cut[..., change] / unit)
    cut[np.isnan(cut)] = 0.0
    return cut.astype("float32")


def blend(slow: np.ndarray | float, fast: np.ndarray, typical: float) -> np.ndarray:
    """Geometric mean of both, never below a tenth of `typical`, which stands in where unknown."""
    floor = max(_FLOOR_SHARE * typical, _LEAST_SCALE)
    slow = np.where(np.isfinite(slow), slow, typical)
    fast = np.where(np.isfinite(fast), fast, typical)
    return np.sqrt(np.maximum(slow, floor) * np.maximum(fast, floor))


def _clipped(paths: np.ndarray) -> np.ndarray:
    """Paths within their limits; what is unknown is 0."""
    found: np.ndarray = np.minimum(np.maximum(paths, -PATH_CLIP), PATH_CLIP)
    found[np.isnan(found)] = 0.0
    return found


def _typical_move(values: np.ndarray | None, rows: slice = slice(None)) -> float:
    """Mean |move| with moves capped at their 98 % quantile, percent; 1 where nothing is known."""
    if values is None:
        return 1.0
    size = np.abs(np.diff(values[rows]))
    size = size[np.isfinite(size)]
    if not len(size):
        return 1.0
    return max(float(np.minimum(size, np.quantile(size, 0.98)).mean()), 1e-4)
