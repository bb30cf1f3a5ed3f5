"""One name out of several heads.

In this order: "shock" when it is the most probable agitation; "illiquid" when the book is thin and
the spread wide (the thin book alone where no spread is known); then the movement: "up-trend",
"down-trend" or "range", and "volatile range" for a range in which prices move more than usual.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from ml.pattern.labels import CLASSES
from ml.spec import Pattern

LABELS = ("shock", "illiquid", "up-trend", "down-trend", "range", "volatile range")
#: A pattern is clear when its name is at least this probable; else there is "no clear pattern".
CLEAR_FROM = 0.55
_TRENDS = {"up": "up-trend", "down": "down-trend"}


def compose(heads: dict[str, dict[str, float]]) -> tuple[str, float]:
    """The name and its probability: that of the least probable part that the name rests on."""
    best = {head: max(dist, key=lambda k: dist[k]) for head, dist in heads.items()}
    sure = {head: heads[head][name] for head, name in best.items()}
    if best["agitation"] == "shock":
        return "shock", sure["agitation"]
    if best.get("liquidity") == "thin" and best.get("spread", "wide") == "wide":
        return "illiquid", min(sure["liquidity"], sure.get("spread", 1.0))
    if best["movement"] in _TRENDS:
        return _TRENDS[best["movement"]], sure["movement"]
    if best["agitation"] == "volatile":
        return "volatile range", min(sure["movement"], sure["agitation"])
    return "range", sure["movement"]


def to_pattern(as_of: dt.datetime, probabilities: dict[str, np.ndarray]) -> Pattern:
    """`probabilities`: head -> (classes,) of one row."""
    heads = {}
    for head, values in probabilities.items():
        total = float(values.sum())
        heads[head] = {
            name: float(v) / total for name, v in zip(CLASSES[head], values, strict=True)
        }
    label, probability = compose(heads)
    return Pattern(
        as_of=as_of,
        label=label,
        probability=probability,
        clear=probability >= CLEAR_FROM,
        heads=heads,
    )
