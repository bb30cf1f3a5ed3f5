"""How rare is it that a feed stays as it is? Missing sides and frozen figures, by their runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.anomaly.features import Features, run_by_row
from ml.anomaly.tails import RunTail, Tail

_HOUR = 60.0


@dataclass(frozen=True)
class RunHead:
    """A fitted run. Where a feed often stands still by nature (a price at night), what counts is
    not how long but how surprising it is: `quiet`, 24 numbers, is -log10 of the chance that the
    feed stays unchanged in that hour of the day (UTC), and they add up while it does.

    excused: readings of a run that say nothing; a single missed scrape is no fault.
    """

    excused: int
    counted: RunTail
    quiet: tuple[float, ...]
    surprise: Tail | None

    @classmethod
    def fit(cls, features: Features, name: str, rows: np.ndarray) -> RunHead:
        """On the readings of the mask `rows`."""
        flag, keep = features.flags[name]
        last = features.readings.last[rows[features.readings.last]]
        excused = 1 if name.startswith("missing") else 0
        counted = RunTail.fit(np.maximum(features.signals[name][last] - excused, 0))
        quiet = _quiet(features.readings.minutes[last], flag[last] & ~keep[last])
        head = cls(excused, counted, quiet, None)
        if excused or not name.startswith("stale"):
            return head
        sums = head.sums(features, name)[last]
        if not len(sums) or np.quantile(sums, 0.97) <= 0:
            return head
        tail = Tail.fit(sums, through=(0.97, 0.995), pareto=False)
        return cls(excused, counted, quiet, tail)

    def gain(self, minutes: np.ndarray) -> np.ndarray:
        """(rows,) decades that one more unchanged reading adds."""
        return np.array(self.quiet)[(minutes // _HOUR).astype(np.int64) % 24]

    def sums(self, features: Features, name: str) -> np.ndarray:
        flag, keep = features.flags[name]
        return run_by_row(features.readings, flag, keep, self.gain(features.readings.minutes))

    def decades(self, run: np.ndarray, sums: np.ndarray | None) -> np.ndarray:
        """(rows,) decades of rarity, from the run's length and its sum of surprise."""
        if self.surprise is not None and sums is not None:
            return np.where(run > 0, self.surprise(sums), 0.0)
        return self.counted(np.maximum(run - self.excused, 0))

    def to_json(self) -> dict[str, Any]:
        return {
            "excused": self.excused,
            "counted": [self.counted.first, self.counted.ratio],
            "quiet": list(self.quiet),
            "surprise": self.surprise.to_json() if self.surprise else None,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> RunHead:
        surprise = Tail.from_json(body["surprise"]) if body["surprise"] else None
        return cls(body["excused"], RunTail(*body["counted"]), tuple(body["quiet"]), surprise)


def _quiet(minutes: np.ndarray, unchanged: np.ndarray) -> tuple[float, ...]:
    """-log10 of the share of unchanged readings per hour of the day, over three hours each."""
    hour = (minutes // _HOUR).astype(np.int64) % 24
    seen = np.bincount(hour, minlength=24)
    still = np.bincount(hour[unchanged], minlength=24)
    wide = [np.roll(x, -1) + x + np.roll(x, 1) for x in (still, seen)]
    share = (wide[0] + 1.0) / (wide[1] + 2.0)
    return tuple(float(-np.log10(s)) for s in np.minimum(share, 0.999))
