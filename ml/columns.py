"""Columns of a table as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def arrays_of(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of the columns `names` that a frame has, each (rows,) float64. All of them at once:
    what pandas takes for one column costs more than most sums over it."""
    places = {name: place for place, name in enumerate(frame.columns.tolist())}
    there = [name for name in names if name in places]
    table = frame.to_numpy()
    if table.dtype != np.float64:  # the frame holds something else beside them
        return {name: frame[name].to_numpy(dtype="float64") for name in there}
    return {name: table[:, places[name]] for name in there}
