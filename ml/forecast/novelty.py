"""How far an input lies from what a model was trained on, and how much wider its interval gets.

FreqAI's dissimilarity index (distance to the nearest training point over a typical such distance)
with two changes. The points are few traits of the market, levels included, not the network's
inputs: among a hundred relative inputs, one that is far out hardly moves a distance, and what
moves it most is the hour. And the unit is a distance met later on: 1 is as far as the strangest
hundredth of the validation stretch lay from the training points before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from ml.forecast.features import FeatureMaker
from ml.forecast.series import last_rows

#: From here on intervals widen, in proportion, and the answer says so. Below it forecasts of two
#: markets err no more than their intervals say.
ONSET = 1.25
_WIDEST = 1.5
_POINTS = 1024
_EDGE = 0.99
_LEAST_WIDTH = 0.05
_LIMIT = 20.0
_PREFIX = "novelty."


@dataclass(frozen=True)
class NoveltyIndex:
    """Training points (points, traits) in units of `width` (traits,) around `centre` (traits,);
    `edge` () is the distance that counts as 1."""

    points: np.ndarray
    centre: np.ndarray
    width: np.ndarray
    edge: np.ndarray

    def __call__(self, maker: FeatureMaker, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """(m,) novelty of the origins `rows`, whose inputs are in `scale` (m,)."""
        return self.distance(traits(maker, rows, scale)) / float(self.edge)

    def distance(self, table: np.ndarray) -> np.ndarray:
        """(m,) root mean square distance of traits (m, traits) to the nearest point; what is
        unknown is left out."""
        table = np.minimum(np.maximum((table - self.centre) / self.width, -_LIMIT), _LIMIT)
        known = np.isfinite(table).astype("float64")
        table, (points, squares) = np.where(known > 0, table, 0.0), self._across
        square = (table**2).sum(axis=1)[:, None] - 2 * table @ points + known @ squares
        mean = square.min(axis=1) / np.maximum(known.sum(axis=1), 1)
        return np.sqrt(np.maximum(mean, 0.0))

    @cached_property
    def _across(self) -> tuple[np.ndarray, np.ndarray]:
        """The points and their squares, (traits, points)."""
        points = np.nan_to_num(self.points).astype("float64")
        return points.T, (points**2).T

    def tensors(self) -> dict[str, np.ndarray]:
        """By name, for an artifact."""
        return {
            _PREFIX + one.name: np.asarray(getattr(self, one.name), "float32")
            for one in fields(self)
        }

    @classmethod
    def restore(cls, tensors: Mapping[str, np.ndarray]) -> NoveltyIndex | None:
        """None where the artifact is older than the index."""
        own = {n.removeprefix(_PREFIX): t for n, t in tensors.items() if n.startswith(_PREFIX)}
        return cls(**own) if own else None


def traits(maker: FeatureMaker, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(m, traits) of the window before each of `rows`: how wild it is beside the training part and
    beside its own weeks, its largest and its whole move, the age of its quote, the level of the
    spread and how the other quantity moves. NaN where unknown."""
    s, typical = maker.series, maker.typical
    y = last_rows(s.y, rows, maker.window)
    size = np.abs(np.diff(y, axis=1))
    floor = 0.05 * scale
    columns = [
        np.log(scale / typical.y),
        np.log((_mean(size) + floor) / scale),
        np.log((_mean(size[:, :3]) + floor) / scale),
        np.log((_largest(size) + floor) / scale),
        np.arcsinh((_largest(np.abs(y - y[:, :1]))) / scale),
        np.log1p(s.ages[rows].min(axis=1) / s.step_minutes),
    ]
    if s.other is not None:
        # A spread is encoded as itself.
        spread = last_rows(s.y if s.y is s.value else s.other, rows, maker.window)
        other = _mean(np.abs(np.diff(last_rows(s.other, rows, maker.window), axis=1)))
        columns += [np.arcsinh(10 * _mean(spread)), np.log(other + 0.05 * typical.other)]
    return np.array(columns).T.copy()


def _mean(table: np.ndarray) -> np.ndarray:
    known = np.isfinite(table)
    if known.all():
        found: np.ndarray = table.sum(axis=1) / table.shape[1]
        return found
    count = known.sum(axis=1)
    total = np.where(known, table, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _largest(table: np.ndarray) -> np.ndarray:
    most = np.where(np.isfinite(table), table, -np.inf).max(axis=1)
    return np.where(np.isfinite(most), most, np.nan)


def fit_novelty(maker: FeatureMaker, train: range, valid: range) -> NoveltyIndex:
    """The unit is found with training points alone; the points kept are of both stretches (grid row
    numbers)."""

    def some(rows: range) -> np.ndarray:
        numbers = np.arange(rows.start, rows.stop)
        numbers = numbers[maker.usable(numbers)]
        return numbers[:: max(1, len(numbers) // _POINTS)]

    def table(rows: np.ndarray) -> np.ndarray:
        return traits(maker, rows, maker.scale_of(rows, maker.has_memory[rows]))

    before, later = some(train), some(valid)
    points = table(before)
    centre = np.nan_to_num(np.nanmean(points, axis=0))
    width = np.maximum(np.nan_to_num(np.nanstd(points, axis=0)), _LEAST_WIDTH)

    def index(points: np.ndarray, edge: float) -> NoveltyIndex:
        # What is unknown of a point counts as the mean.
        away = np.nan_to_num((points - centre) / width)
        values = (away, centre, width, max(edge, _LEAST_WIDTH))
        return NoveltyIndex(*(np.asarray(value, dtype="float32") for value in values))

    away = index(points, 1.0).distance(table(later if len(later) else before))
    both = some(range(train.start, valid.stop))
    return index(table(both), float(np.quantile(away, _EDGE)))


def stretch(novelty: np.ndarray) -> np.ndarray:
    """(m,) factor of the width of an interval: none up to the edge, in proportion beyond it."""
    found: np.ndarray = np.minimum(np.maximum(novelty / ONSET, 1.0), _WIDEST)
    return found
