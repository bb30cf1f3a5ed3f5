"""One name out of several heads.

In this order: "shock" when agitation is one; "illiquid" when the book is thin and the spread wide
(the thin book alone where no spread is known); then the movement: "up-trend", "down-trend" or
"range", and "volatile range" for a range in which prices move more than usual. A name's probability
is that of its whole chain, with the heads taken as independent; those of all names sum to 1.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from ml.pattern.labels import CLASSES
from ml.results import Held, Pattern

LABELS = ("shock", "illiquid", "up-trend", "down-trend", "range", "volatile range")
#: A pattern is clear when its name is at least this probable; else there is "no clear pattern".
CLEAR_FROM = 0.55


def name_chances(heads: dict[str, np.ndarray]) -> np.ndarray:
    """Head -> (rows, classes) probabilities; (rows, names) those of LABELS."""
    place = {head: {name: k for k, name in enumerate(CLASSES[head])} for head in heads}

    def of(head: str, name: str) -> np.ndarray:
        return heads[head][:, place[head][name]]

    shock = of("agitation", "shock")
    dry = np.zeros_like(shock)
    if "liquidity" in heads:
        dry = of("liquidity", "thin") * (of("spread", "wide") if "spread" in heads else 1.0)
    left = (1 - shock) * (1 - dry)
    quiet = of("agitation", "calm") / np.maximum(1 - shock, 1e-12)
    sideways = left * of("movement", "range")
    return np.column_stack(
        [
            shock,
            (1 - shock) * dry,
            left * of("movement", "up"),
            left * of("movement", "down"),
            sideways * quiet,
            sideways * (1 - quiet),
        ]
    )


def name_labels(labels: dict[str, np.ndarray]) -> np.ndarray:
    """Head -> (rows,) class numbers; (rows,) numbers into LABELS, -1 where a head is unknown."""
    known = np.all([v >= 0 for v in labels.values()], axis=0)
    tables = {h: np.eye(len(CLASSES[h]))[np.maximum(v, 0)] for h, v in labels.items()}
    return np.where(known, name_chances(tables).argmax(1), -1)


def to_pattern(
    as_of: dt.datetime, probabilities: dict[str, np.ndarray], held: dict[str, Held]
) -> Pattern:
    """`probabilities`: head -> (classes,) of one row."""
    tables = {head: values / values.sum() for head, values in probabilities.items()}
    chances = name_chances({head: values[None] for head, values in tables.items()})[0]
    best = int(chances.argmax())
    return Pattern(
        as_of=as_of,
        label=LABELS[best],
        probability=float(chances[best]),
        clear=bool(chances[best] >= CLEAR_FROM),
        heads={
            head: {name: float(v) for name, v in zip(CLASSES[head], values, strict=True)}
            for head, values in tables.items()
        },
        held=held,
    )
