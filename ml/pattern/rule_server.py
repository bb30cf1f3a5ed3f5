"""Serve the pattern task where there are too few rows for a network: the trailing rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd

from ml.pattern.baseline import TrailingRule
from ml.pattern.course import DAY
from ml.pattern.gridding import pattern_grid
from ml.pattern.labels import make_labels
from ml.pattern.server import USED, PatternRecognizer
from ml.results import Patterns
from ml.spec import Source
from ml.tasks import TASKS, Task


class RuleRecognizer(PatternRecognizer):
    """Serves patterns without a network; whatever source is asked for, the rule answers."""

    def __init__(self, task: Task, quotes: pd.DataFrame, step_minutes: int) -> None:
        self.name = self.baseline = TASKS[task].baseline
        self.step, self.window = step_minutes, 1
        self.columns = tuple(c for c in quotes.columns if c in USED)
        self.gain, self.day = None, DAY * step_minutes * 60
        first, last = quotes.index[0], quotes.index[-1]
        grid = pattern_grid(quotes, self.columns, first, last, step_minutes)
        truth = make_labels(grid, centred=True)
        self.rule = TrailingRule.fit(grid, truth, np.full(len(grid), True))

    def recognize(
        self, quotes: pd.DataFrame, *, at: dt.datetime, history: int, source: Source
    ) -> Patterns:
        """What the rule says."""
        found = super().recognize(quotes, at=at, history=history, source=Source.BASELINE)
        return replace(found, notes=(*found.notes, "the trailing rule answers, not a network"))

    def evaluate(
        self, quotes: pd.DataFrame, *, start: dt.datetime, end: dt.datetime, source: Source
    ) -> dict[str, float | None]:
        """The rule's metrics."""
        return super().evaluate(quotes, start=start, end=end, source=Source.BASELINE)
