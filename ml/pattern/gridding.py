"""The grid that a pattern is named on: as long as its channels look back, and no longer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.errors import ArtifactMismatch, NotEnoughData
from ml.grid import build_grid
from ml.pattern.course import MONTH, WARM_UP
from ml.quotes import staleness_limit

#: Rows before a row that its channels depend on: a month's MAD around a month's median, and more.
CONTEXT = 2 * MONTH + WARM_UP


def missing_columns(quotes: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Those that the quotes lack."""
    return [c for c in columns if c not in quotes.columns]


def pattern_grid(
    quotes: pd.DataFrame,
    columns: Sequence[str],
    start: pd.Timestamp,
    end: pd.Timestamp,
    step_minutes: int,
) -> pd.DataFrame:
    """The grid of those `columns` up to `end`, with the rows before `start` that its channels
    depend on. Raises ArtifactMismatch (columns) and NotEnoughData."""
    missing = missing_columns(quotes, columns)
    if any(not column.endswith("volume") for column in missing):
        raise ArtifactMismatch(
            "These quotes lack columns that the model was trained on.",
            {"columns": ", ".join(missing)},
        )
    begin = start - pd.Timedelta(minutes=(CONTEXT + 1) * step_minutes)
    reach = pd.Timedelta(minutes=staleness_limit(step_minutes))
    first, last = (
        int(quotes.index.searchsorted(moment, side))
        for moment, side in ((begin - reach, "left"), (end, "right"))
    )
    there = [c for c in columns if c not in missing]
    grid = build_grid(quotes.iloc[first:last], columns=there, step_minutes=step_minutes, end=end)
    if first:  # rows in which an earlier quote, cut off here, may still speak
        grid = grid.iloc[int(grid.index.searchsorted(begin)) :]
    lacking = [c for c in columns if c not in grid]
    grid = grid.assign(**dict.fromkeys(lacking, np.nan)) if lacking else grid
    if len(grid) < WARM_UP:
        raise NotEnoughData(
            f"Naming a pattern needs {WARM_UP} grid rows; there are {len(grid)}.",
            needed=WARM_UP,
            present=len(grid),
        )
    return grid
