"""From probabilities to names: one out of several heads, and for each head one that is held.

The one name, in this order: "shock" when agitation is one; "illiquid" when the book is thin and
the spread wide (the thin book alone where no spread is known); then the movement: "up-trend",
"down-trend" or "range", and "volatile range" for a range in which prices move more than usual. A
name's probability is that of its whole chain, with the heads taken as independent; those of all
names sum to 1.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from ml.pattern.course import DAY
from ml.pattern.labels import CLASSES
from ml.results import Held, Pattern
from ml.spec import Source

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
    """The answer for one row, at `as_of` (aware); `probabilities`: head -> (classes,)."""
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


# ------------------------------------------------------------------------------ names that are held
#: Rows before a row whose answers may still show in what is held.
MEMORY = 2 * DAY


@dataclass(frozen=True, kw_only=True)
class Hysteresis:
    """A name that changes only when another has been more probable by a margin.

    An answer of every half-hour flickers between two names that are equally probable. The held name
    follows the exponential mean of the answers, in which the past weighs `keep`, and stays until
    another class leads it by `margin`; for `settle` rows after a change by `doubt` more, so that a
    true change is followed at once and a change back has to be clear.
    """

    keep: float
    margin: float
    settle: int
    doubt: float

    def follow(self, table: np.ndarray) -> np.ndarray:
        """(rows, classes) probabilities -> (rows,) held class numbers, each from rows up to it."""
        if not len(table):
            return np.empty(0, dtype=int)
        means = _exponential_means(table, self.keep)
        best = means.argmax(axis=1)
        now, since = int(best[0]), self.settle
        held = np.full(len(table), now)
        # Only a row whose most probable class is another one than the held can change that; plain
        # numbers, since a single one of numpy's costs more than its sum.
        rows, most = best.tolist(), means.max(axis=1).tolist()
        for row, leader in enumerate(rows):
            if leader != now:
                wanted = self.margin + (self.doubt if since < self.settle else 0.0)
                if most[row] >= means[row, now] + wanted:
                    now, since = leader, -1
                    held[row:] = now
            since += 1
        return held


def _exponential_means(table: np.ndarray, keep: float) -> np.ndarray:
    """(rows, classes) means of all rows up to each, in which the past weighs `keep`; the first row
    stands for all before it."""
    ages, fresh = _ages(keep)
    means, past = np.empty(table.shape), table[0]
    for start in range(0, len(table), len(ages)):
        block = table[start : start + len(ages)]
        rows = len(block)
        means[start : start + rows] = fresh[:rows, :rows] @ block + ages[:rows, None] * past
        past = means[start + rows - 1]
    return means


@lru_cache(maxsize=8)
def _ages(keep: float) -> tuple[np.ndarray, np.ndarray]:
    """Of a block of rows: (rows,) what is left of the mean before it, and (rows, rows) what each
    answer weighs in the mean of every row."""
    rows = np.arange(MEMORY + 1)
    age = rows[:, None] - rows
    return keep ** (rows + 1), np.where(age >= 0, (1 - keep) * keep ** np.maximum(age, 0), 0.0)


#: Chosen once, on four stretches of three markets (docs/experiments.md), for an early notice at a
#: bearable number of changes.
HYSTERESIS = {
    "movement": Hysteresis(keep=0.2, margin=0.05, settle=10, doubt=0.3),
    "agitation": Hysteresis(keep=0.3, margin=0.0, settle=14, doubt=0.5),
    "spread": Hysteresis(keep=0.0, margin=0.1, settle=10, doubt=0.2),
    "liquidity": Hysteresis(keep=0.0, margin=0.1, settle=10, doubt=0.2),
}


def held_names(tables: dict[str, np.ndarray], source: Source) -> dict[str, np.ndarray]:
    """Head -> (rows, classes) probabilities; head -> (rows,) held class numbers. The rule's names
    are taken as they come."""
    if source == Source.BASELINE:
        return {head: table.argmax(1) for head, table in tables.items()}
    return {head: HYSTERESIS[head].follow(table) for head, table in tables.items()}


def held_at(names: dict[str, np.ndarray], index: pd.DatetimeIndex, row: int) -> dict[str, Held]:
    """Head -> the held name at a row and since when (at the earliest the first row); `names`: head
    -> (rows,) held class numbers."""
    out = {}
    for head, held in names.items():
        other = np.flatnonzero(held[:row] != held[row])
        first = int(other[-1]) + 1 if len(other) else 0
        out[head] = Held(name=CLASSES[head][held[row]], since=index[first].to_pydatetime())
    return out
