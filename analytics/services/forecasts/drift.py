"""Does a version still do what it did when it was trained? Judged on its scored forecasts.

Only what is both beyond chance and large enough to matter counts: an interval that holds too
rarely (or too often), an error above that of the last value, or well above that of the training.
"""

from __future__ import annotations

import math
from typing import Any

from analytics.models import TrainedModel
from analytics.models.choices import Source
from analytics.selectors.accuracy import Tally

#: Standard errors beyond which nothing is chance: sixteen looks at a task give 4 false alarms in
#: a hundred.
SIGMAS = 3.0
#: With fewer independent forecasts nothing is said.
LEAST = 20
#: What matters: so far off the promised share, so far above the last value's error, so far above
#: the skill of the training.
OFF_COVERAGE, OFF_NAIVE, OFF_TRAINED = 0.05, 0.02, 0.10


def drift_of(task: str, model: TrainedModel, found: list[Tally]) -> dict[str, Any]:
    """What the scored forecasts of an active version say about it, ready for JSON: `drifted`,
    `reasons` (stable words) and a line per horizon. Nothing drifted while `enough` is false.
    Tallies of other versions are left out."""
    own = [t for t in found if (t.model_id, t.source) == (model.pk, Source.NETWORK)]
    lines = [_line(tally, model) for tally in own]
    reasons = sorted({reason for line in lines for reason in line["found"]})
    return {
        "task": task,
        "model_id": model.pk,
        "version": model.version,
        "enough": any(line["independent"] >= LEAST for line in lines),
        "drifted": bool(reasons),
        "reasons": reasons,
        "horizons": lines,
    }


def _line(tally: Tally, model: TrainedModel) -> dict[str, Any]:
    trained = model.metrics.get(f"mae_skill_h{tally.steps}")
    return {
        "horizon": tally.steps,
        "n": tally.n,
        "independent": round(tally.independent, 1),
        "skill": tally.skill,
        "skill_trained": trained,
        "coverage_80": tally.inside_80 / tally.n,
        "band_80": band(0.8, tally.independent),
        "coverage_90": tally.inside_90 / tally.n,
        "band_90": band(0.9, tally.independent),
        "found": _found(tally, trained) if tally.independent >= LEAST else [],
    }


def band(promised: float, independent: float) -> list[float]:
    """Between which shares an honest interval covers so many independent targets."""
    half = SIGMAS * math.sqrt(promised * (1 - promised) / max(independent, 1.0))
    half = max(half, OFF_COVERAGE)
    return [max(promised - half, 0.0), min(promised + half, 1.0)]


def _found(tally: Tally, trained: float | None) -> list[str]:
    found = []
    for promised, inside in ((0.8, tally.inside_80), (0.9, tally.inside_90)):
        low, high = band(promised, tally.independent)
        share = inside / tally.n
        if share < low or share > high:
            side = "low" if share < low else "high"
            found.append(f"coverage_{promised * 100:.0f}_{side}")
    skill = tally.skill
    if skill is None:
        return found
    if skill > 1 + OFF_NAIVE and tally.excess(1.0) > SIGMAS:
        found.append("worse_than_last_value")
    elif trained and skill > trained * (1 + OFF_TRAINED) and tally.excess(trained) > SIGMAS:
        found.append("worse_than_trained")
    return found
