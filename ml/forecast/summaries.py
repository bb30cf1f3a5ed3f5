"""Summaries of a series before an origin, in the origin's scale: profiles, volatility, polling."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np

from ml.forecast.series import (
    Series,
    last_rows,
    mean,
    median,
    take,
    trailing_means_at,
)
from ml.forecast.targets import PATH_CLIP, has_changed
from ml.tasks import HORIZONS

PROFILE_DAYS = (3, 7, 14, 28)
VOLATILITY_DAYS = 14
#: Linear paths per horizon, all relative to the last value: four same-hour profiles, two profiles
#: over three neighbouring slots, yesterday's value at that hour, the profile's own change until
#: then, two same-hour moves, the mean of the last day; and, the only one that needs no long memory,
#: the median of the last four rows.
N_PATHS = len(PROFILE_DAYS) + 8
#: The same-hour moves among them: what a trending market's seasons are seen by.
MOVE_PATHS = (N_PATHS - 4, N_PATHS - 3)
_MOVE_DAYS = (28, 14)
_WIDE_DAYS = (7, 21)
_HARMONICS = 5
_AHEAD = np.array(HORIZONS)[:, None]


def squash(values: np.ndarray) -> np.ndarray:
    """asinh: linear near zero, logarithmic far out; NaN stays."""
    return np.arcsinh(values)


def same_hour(horizon: int, days: int, per_day: int) -> np.ndarray:
    """Offsets (<= 0) of the rows at the target's hour on the last `days` days already seen."""
    first = -(-horizon // per_day)
    return horizon - per_day * np.arange(first, first + days)


@lru_cache
def seen_days(per_day: int, days: int, ahead: int = 0) -> np.ndarray:
    """(horizons, days) the same of every horizon, for a row that lies `ahead` of the target."""
    found = np.stack([same_hour(horizon + ahead, days, per_day) for horizon in HORIZONS])
    found.setflags(write=False)  # it is shared
    return found


def odd_columns(series: Series) -> np.ndarray:
    """(features,) True for static inputs that change sign when the market is mirrored; the order
    is that of `Summaries.recent`, `Summaries.recall` and the flag of memory."""
    sides, other = series.ages.shape[1], series.other is not None
    recent = [True] * 4 + [False] * (7 + 2 * sides + 5 + other + 2 * _HARMONICS + 1)
    recall = [True] * 7 + [False] * (8 + 2 * len(HORIZONS) + 5 + other)
    profiles = [True] * (len(HORIZONS) * len(PROFILE_DAYS))
    return np.array([*recent, *recall, *profiles, False])


class Summaries:
    """`recent` needs rows of the network's own window only; `recall` and most paths need weeks."""

    def __init__(self, series: Series, window: int, since: int = 0) -> None:
        """Only rows `since` that one will be asked for."""
        self.series, self.window = series, window
        change, self.size = series.change, series.size
        self.changed = np.where(np.isfinite(change), has_changed(change), np.nan)
        youngest = series.ages.min(axis=1) if series.ages.shape[1] else np.zeros(len(series))
        self.fresh = (youngest < series.step_minutes).astype("float64")
        self._age = np.minimum(youngest, 12.0 * series.step_minutes)
        day = series.per_day
        self._since = max(0, since - day)
        self._spans = [max(2, round(day * share)) for share in (0.25, 1, 3, 7)]

    # What only origins with a memory ask for is made when the first of them does.
    @cached_property
    def profile(self) -> np.ndarray:
        """(n,) median at the same hour of the seven days before."""
        rows = np.arange(self._since, len(self.series))
        found = np.full(len(self.series), np.nan)
        past = -self.series.per_day * np.arange(1, 8)
        found[rows] = median(take(self.series.y, rows, past))
        return found

    @cached_property
    def gap(self) -> np.ndarray:
        """(n,) distance from the profile."""
        return self.series.y - self.profile

    def recent(
        self, rows: np.ndarray, scale: np.ndarray, typical: float, other_scale: float
    ) -> np.ndarray:
        """(m, a) summaries of the window itself."""
        s, last = self.series, self.series.y[rows]
        values, moves = last_rows(s.y, rows, self.window), self.window - 1
        columns = [(median(values[:, :k]) - last) / scale for k in (3, 8)]
        columns += [(x - last) / scale for x in first_means(values, (12, self.window))]
        size = first_means(last_rows(self.size, rows, moves), (1, 3, 12, self.window))
        columns += [x / scale for x in size]
        columns += [np.log(scale / typical)]
        columns += first_means(last_rows(self.changed, rows, moves), (4, self.window))
        columns += list(np.minimum(s.ages[rows] / s.step_minutes, 12).T)
        columns += self._polling(rows)
        if s.other is not None:
            past = last_rows(s.other, rows, min(12, self.window))
            columns += [(past[:, 0] - mean(past)) / other_scale]
        return np.concatenate([squash(np.array(columns).T.copy()), _clock(s.minute[rows])], axis=1)

    def _polling(self, rows: np.ndarray) -> list[np.ndarray]:
        """How regularly quotes come, and how far into the next gap each side is."""
        s, fresh = self.series, last_rows(self.fresh, rows, self.window)
        recent, rate = first_means(fresh, (4, self.window))
        rate = np.fmax(rate, 1 / self.window)
        late = [
            np.minimum(s.ages[rows, k] / s.step_minutes, 12) * rate for k in range(s.ages.shape[1])
        ]
        second = (s.minute[rows] - self._age[rows]) % 60 / 60 * 2 * np.pi
        ages = last_rows(self._age, rows, min(4, self.window)) / s.step_minutes
        return [*late, recent, rate, np.sin(second), np.cos(second), mean(ages)]

    def recall(
        self, rows: np.ndarray, scale: np.ndarray, other_scale: float, paths: np.ndarray
    ) -> np.ndarray:
        """(m, b) summaries of the weeks before; `paths` as `paths` gives them."""
        s, day = self.series, self.series.per_day
        last = s.y[rows]
        columns = [(x - last) / scale for x in trailing_means_at(s.y, rows, self._spans)]
        gaps, sizes, rates = (
            trailing_means_at(values, rows, self._spans[:count])
            for values, count in ((self.gap, 2), (self.size, 4), (self.changed, 4))
        )
        columns += [x / scale for x in (self.gap[rows], *gaps, *sizes)]
        columns += rates
        hours = np.stack(self._hour_sizes(rows), axis=2) / scale[:, None, None]
        columns += list(hours.reshape(len(rows), -1).T)
        past = same_hour(HORIZONS[0], 7, day)
        columns += [mean(take(self.changed, rows, past))]
        month = same_hour(HORIZONS[0], 28, day)
        columns += [mean(take(x, rows, month)) for x in (self.changed, self.fresh)]
        columns += [
            mean(take(self.fresh, rows, past)),
            *trailing_means_at(self.fresh, rows, [day]),
        ]
        if s.other is not None:
            week = trailing_means_at(s.other, rows, [7 * day])[0]
            columns += [(s.other[rows] - week) / other_scale]
        profiles = paths[:, :, : len(PROFILE_DAYS)]
        columns += list(profiles.reshape(len(rows), len(HORIZONS) * len(PROFILE_DAYS)).T)
        return squash(np.array(columns).T.copy())

    def _hour_sizes(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, horizons) mean |move| over the horizon from this hour, and mean |move| at the
        target's."""
        past = seen_days(self.series.per_day, VOLATILITY_DAYS)
        ends = take(self.series.y, rows, past)
        starts = take(self.series.y, rows, past - _AHEAD)
        return mean(np.abs(ends - starts)), mean(take(self.size, rows, past))

    def _level(self, rows: np.ndarray) -> np.ndarray:
        """(m,) median of the last four rows."""
        return median(last_rows(self.series.y, rows, 4))

    def short_paths(self, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """What `paths` gives of origins without a memory: 0, but for the last of them."""
        out = np.zeros((len(rows), len(HORIZONS), N_PATHS))
        out[:, :, -1] = ((self._level(rows) - self.series.y[rows]) / scale)[:, None]
        return out

    def paths(self, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """(m, horizons, N_PATHS) candidates for the target, relative to the last value."""
        y, day, unit = self.series.y, self.series.per_day, scale[:, None, None]
        last = y[rows][:, None]
        past = seen_days(day, max(PROFILE_DAYS))
        table = take(y, rows, past)
        profiles = [median(table[..., :days]) - last for days in PROFILE_DAYS]
        shift = profiles[1] + last - self.profile[rows][:, None]
        near = seen_days(day, max(_WIDE_DAYS), ahead=1)[..., None] - np.arange(3)
        wide = take(y, rows, near)
        for days in _WIDE_DAYS:
            part = wide[:, :, :days].reshape(len(rows), len(HORIZONS), 3 * days)
            profiles.append(median(part) - last)
        steps = (table - take(y, rows, past - _AHEAD)) / unit
        steps = np.clip(steps, -PATH_CLIP, PATH_CLIP)
        own = [
            f(steps[..., :d]) * scale[:, None]
            for f, d in zip((median, mean), _MOVE_DAYS, strict=True)
        ]
        yesterday = table[..., 0] - last
        day_mean = trailing_means_at(y, rows, [self._spans[1]])[0] - last[:, 0]
        alike = [
            np.repeat(x[:, None], len(HORIZONS), axis=1)
            for x in (day_mean, self._level(rows) - last[:, 0])
        ]
        return np.stack([*profiles, yesterday, shift, *own, *alike], axis=2) / unit


def first_means(table: np.ndarray, counts: Sequence[int]) -> list[np.ndarray]:
    """The `mean` of the first so many columns of a table (m, k), each (m,)."""
    if len(table) != 1:
        return [mean(table[:, :count]) for count in counts]
    line = table[0].tolist()
    parts = [[x for x in line[:count] if x == x] for count in counts]
    return [np.array([sum(part) / len(part) if part else np.nan]) for part in parts]


def _clock(minute: np.ndarray) -> np.ndarray:
    """(m, k) sine and cosine of the first harmonics of the day, and the minute of the hour."""
    angle = (2 * np.pi * minute / 1440)[:, None] * np.arange(1, _HARMONICS + 1)
    waves = np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(len(minute), -1)
    return np.concatenate([waves, (minute % 60 / 60)[:, None]], axis=1)
