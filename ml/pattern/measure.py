"""How well, how soon and how steadily are the centred labels recognised from the past alone?"""

from __future__ import annotations

import numpy as np

from ml.pattern.course import DAY
from ml.pattern.labels import CLASSES, MAIN_HEADS
from ml.pattern.naming import held_names
from ml.pattern.proof import as_metrics
from ml.spec import Source

_BINS = 10
#: A true change counts when the new state lasts at least so many rows (3 h).
_LASTS = 6


def macro_f1(truth: np.ndarray, named: np.ndarray, classes: int) -> float:
    """Mean F1 over the classes that occur in either array."""
    scores = []
    for k in range(classes):
        hits = np.sum((truth == k) & (named == k))
        wrong = np.sum((truth == k) ^ (named == k))
        if hits + wrong:
            scores.append(2 * hits / (2 * hits + wrong))
    return float(np.mean(scores)) if scores else 0.0


def calibration_error(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over ten bins."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(right[bins == b].mean() - confidence[bins == b].mean()) * np.sum(bins == b)
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps) / max(len(truth), 1))


def flicker(named: np.ndarray, known: np.ndarray) -> float:
    """Changes of the name per day (of DAY rows), over neighbouring rows of the mask `known`."""
    pairs = known[1:] & known[:-1]
    return float(np.sum((named[1:] != named[:-1]) & pairs) / max(np.sum(pairs), 1) * DAY)


def lags(truth: np.ndarray, named: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Rows from each true change to the first row that is named after it; infinite where the new
    state ends unnoticed. 0 where it was named already. Changes to a state of under 3 h are left
    out, and so are those beside an unknown row."""
    edges = np.flatnonzero(known[1:] & known[:-1] & (truth[1:] != truth[:-1])) + 1
    out = []
    for first in edges:
        same = known[first:] & (truth[first:] == truth[first])
        lasts = len(same) if same.all() else int(same.argmin())
        if lasts < _LASTS:
            continue
        right = named[first : first + lasts] == truth[first]
        out.append(float(right.argmax()) if right.any() else np.inf)
    return np.array(out)


def measure(
    truth: dict[str, np.ndarray], probabilities: dict[str, np.ndarray], rows: np.ndarray
) -> dict[str, float | None]:
    """The task's metrics on the rows of a mask. `macro_f1`, `accuracy` and `ece` are means over
    the movement and agitation heads; None where no row has a label."""
    f1, accuracy, error = {}, {}, {}
    for head, labels in truth.items():
        known = rows & (labels >= 0)
        if head not in probabilities or not known.any():
            continue
        table, real = probabilities[head][known], labels[known]
        f1[head] = macro_f1(real, table.argmax(1), len(CLASSES[head]))
        accuracy[head] = float(np.mean(table.argmax(1) == real))
        error[head] = calibration_error(real, table)

    def mean(values: dict[str, float]) -> float | None:
        main = [values[h] for h in MAIN_HEADS if h in values]
        return float(np.mean(main)) if len(main) == len(MAIN_HEADS) else None

    out: dict[str, float | None] = {
        "macro_f1": mean(f1),
        "accuracy": mean(accuracy),
        "ece": mean(error),
    }
    return {**out, **{f"f1_{head}": value for head, value in f1.items()}}


def measure_held(
    truth: dict[str, np.ndarray], held: dict[str, np.ndarray], rows: np.ndarray, step_minutes: int
) -> dict[str, float | None]:
    """Median lag in hours and changes a day of the held names; None where there was no change to
    notice or half of them went unnoticed."""
    out: dict[str, float | None] = {}
    for head, names in held.items():
        known = rows & (truth[head] >= 0)
        late = lags(truth[head], names, known)
        typical = float(np.median(late)) if len(late) else np.inf
        out[f"lag_{head}"] = typical * step_minutes / 60 if np.isfinite(typical) else None
        out[f"flicker_{head}"] = flicker(names, known)
    return out


def measure_all(
    truth: dict[str, np.ndarray],
    probabilities: dict[str, np.ndarray],
    rows: np.ndarray,
    source: Source,
    step_minutes: int,
    gain: tuple[float, float, float] | None = None,
) -> dict[str, float | None]:
    """Every figure of the task for the answers of a network or of the rule: those of `measure` and
    `measure_held`, and the `gain` of the analogues (see ml.pattern.proof). `truth`: head -> (n,)
    labels, `probabilities`: head -> (n, classes), `rows`: (n,) mask."""
    return {
        **measure(truth, probabilities, rows),
        **measure_held(truth, held_names(probabilities, source), rows, step_minutes),
        **as_metrics(gain),
    }
