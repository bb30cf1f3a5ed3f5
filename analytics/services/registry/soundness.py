"""Whether what an artifact holds, and what it answers, are numbers at all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import ml
from analytics.lazily import np


def refuse_nan(folder: Path) -> None:
    """Raises ml.ArtifactBroken where a published artifact's weights are not numbers: their checksum
    only says that they are the ones that were written."""
    from safetensors.numpy import load_file

    for name, array in load_file(folder / "weights.safetensors").items():
        if array.dtype.kind == "f" and bool(np.isnan(array).any()):
            raise ml.ArtifactBroken(f"The weights of {folder.name} are no numbers ({name}).")


def is_finite(answer: Any) -> bool:
    """False of a forecast or a pattern with a figure that is not finite. Everything else passes:
    scores of rows that cannot be scored are unknown by right."""
    if isinstance(answer, ml.Forecast):
        figures = [(one.value, *one.quantiles.values()) for one in answer.horizons]
        return all(math.isfinite(figure) for row in figures for figure in row)
    if isinstance(answer, ml.Patterns):
        shares = [share for head in answer.current.heads.values() for share in head.values()]
        return all(math.isfinite(share) for share in (answer.current.probability, *shares))
    return True
