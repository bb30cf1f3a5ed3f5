"""The state of a stream: made from a whole table at once, and as bytes that are data, never code.

Feeding a thousand rows one by one takes a second; the arrays that they would leave behind are there
already when a table has been scored. A test holds both to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ml.anomaly.alarms import HYSTERESIS_ROWS, REFERENCE, alarm_rows
from ml.anomaly.detectors import NetworkDetector
from ml.anomaly.features import DAY, Features, run_by_row
from ml.anomaly.heads import DRIFT_ROWS, drift_step, trailing_inputs
from ml.anomaly.readings import TRAIL, clock_of, past_median, price_columns, trailing_quantile
from ml.errors import ArtifactMismatch, NotEnoughData

#: Changes whenever the arithmetic of a score or the arrays of the state do: a state made by other
#: code is never continued.
FORMAT = 1
_FORMAT = "format"
#: State name of each ring: that of the entry which the reading so far will add to it. Stored states
#: have these names; "held" are the decades from which a score may last.
RINGS = {
    "levels": "level",
    "homes": "home",
    "inputs": "input",
    "held": "decades",
    "sizes": "size",
    "steps": "step",
}


def pack(state: Mapping[str, np.ndarray]) -> bytes:
    """The state as safetensors."""
    arrays = {name: np.ascontiguousarray(array) for name, array in state.items()}
    return save(arrays | {_FORMAT: np.array([FORMAT])})


def unpack(body: bytes) -> dict[str, np.ndarray]:
    """The arrays of `pack`; raises ArtifactMismatch for what this code did not make."""
    try:
        state: dict[str, np.ndarray] = load(body)
    except SafetensorError as error:
        raise ArtifactMismatch(f"This is no state of a stream: {error}") from error
    made_by = state.pop(_FORMAT, np.zeros(1))
    if made_by.tolist() != [FORMAT]:
        raise ArtifactMismatch("This state of a stream is of another version.")
    return state


def too_short(present: int) -> NotEnoughData:
    """So many readings make no state."""
    problem = f"A stream starts after {TRAIL + 1} readings; there are {present}."
    return NotEnoughData(problem, needed=TRAIL + 1, present=present)


def state_after(
    detector: NetworkDetector, features: Features, threshold: float
) -> dict[str, np.ndarray]:
    """What a stream remembers after the rows of `features`; their last reading may still grow.
    `threshold` is the raw score that raises an alarm. Raises NotEnoughData below TRAIL complete
    readings."""
    readings = features.readings
    done = readings.last[:-1]
    if len(done) < TRAIL:
        raise too_short(len(readings.last))
    row, before = slice(-1, None), done[-1:]
    series, local, totals = _series(detector, features)
    sizes = {"levels": DAY, "homes": HYSTERESIS_ROWS, "held": HYSTERESIS_ROWS, "sizes": TRAIL}
    sizes |= {"inputs": detector.network.window - 1, "steps": DRIFT_ROWS - 1}
    state = {ring: series[ring][done[len(done) - n :]] for ring, n in sizes.items()}
    state |= {entry: series[ring][row] for ring, entry in RINGS.items()}
    runs, sums = _runs(detector, features)
    state |= {"runs": runs[before], "sums": sums[before], "run": runs[row], "sum": sums[row]}
    first = done[-1] + 1
    state |= {
        "count": np.array([float(len(done))]),
        "before": readings.filled[before],
        "filled": readings.filled[row],
        "seen": readings.seen[row],
        "last_seen": _last_seen(features, done),
        "minute": readings.minutes[row],
        "start": readings.minutes[first : first + 1],
        "local": local[row],
        "bucket": clock_of(readings.minutes[first : first + 1], features.usual).astype(float),
        "alarm": alarm_rows(totals, threshold)[row].astype(float),
    }
    return state


def _series(
    detector: NetworkDetector, features: Features
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """By ring the (rows, ...) entries of all rows; their trailing quantiles; their raw scores."""
    heads, readings = detector.heads, features.readings
    residuals = detector.network.residuals(features)
    sized = trailing_inputs(features.signals, residuals)
    local = trailing_quantile(readings, sized, heads.fallback, features.usual)
    decades = heads.decades(features, heads.measure(features, residuals))
    totals = np.max(list(heads.with_hysteresis(features, decades).values()), axis=0)
    homes = [past_median(readings, level, REFERENCE) for level in features.levels.values()]
    series = {
        "levels": np.column_stack(list(features.levels.values())),
        "homes": np.column_stack(homes),
        "inputs": detector.network.inputs(features)[1],
        "held": np.column_stack(list(decades.values())),
        "sizes": sized,
        "steps": drift_step(features.signals, local),
    }
    return series, local, totals


def _runs(detector: NetworkDetector, features: Features) -> tuple[np.ndarray, np.ndarray]:
    """(rows, flags) lengths of the runs and their sums of surprise."""
    runs = [run_by_row(features.readings, *flag) for flag in features.flags.values()]
    sums = [detector.heads.runs[name].sums(features, name) for name in features.flags]
    return np.column_stack(runs), np.column_stack(sums)


def _last_seen(features: Features, done: np.ndarray) -> np.ndarray:
    """(sides,) minute in which each side was last seen in a complete reading, NaN if never."""
    readings, out = features.readings, []
    for i in range(len(price_columns(readings.columns))):
        known = done[np.isfinite(readings.seen[done, i])]
        out.append(readings.minutes[known[-1]] if len(known) else np.nan)
    return np.array(out)
