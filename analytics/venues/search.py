"""The best set of orders for an amount, by branch and bound.

Every ad may be used once, for nothing or for a piece between its smallest and its largest order: a
knapsack with semi-continuous pieces, which filling from the best price down gets wrong as soon as
an ad's minimum is above what is left. For a fixed set of ads the best filling is simple (everyone
gets the minimum, the rest goes to the best prices first), so only the sets are searched: the best
ads are decided first, with them before without them, and a branch is given up when even the ads
that are left, taken without their minima, could not beat what was found. The first branch is the
filling from the best price down, so the answer is never worse than that. After MOST_NODES branches
the best set so far is taken and `proven` is False.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

MOST_NODES = 10_000
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one ad may contribute, in units of the amount, and what a unit of it is worth to the
    person (higher is better)."""

    low: Decimal
    high: Decimal
    worth: Decimal


@dataclass(frozen=True, slots=True)
class Filling:
    """Units per piece (None: unused), and whether no better one exists."""

    units: tuple[Decimal | None, ...]
    filled: Decimal
    value: Decimal
    proven: bool


#: What is compared: (filled or 0, value, fewer orders).
_Score = tuple[Decimal, Decimal, int]


class _Search:
    def __init__(
        self, pieces: Sequence[Piece], amount: Decimal, most_orders: int, exact: bool
    ) -> None:
        self.pieces = pieces
        self.amount = amount
        self.most_orders = most_orders
        self.exact = exact
        self.nodes = 0
        self.best: _Score = (ZERO, ZERO, 0)
        self.best_set: tuple[int, ...] = ()
        # Running sums over all pieces, best first, for the bound.
        self.highs = list(accumulate((p.high for p in pieces), initial=ZERO))
        self.values = list(accumulate((p.high * p.worth for p in pieces), initial=ZERO))
        self.tops = _tops(pieces, most_orders)

    def run(self) -> None:
        """Depth first with a stack of our own: a book may be longer than Python's."""
        stack: list[tuple[int, tuple[int, ...], Decimal, Decimal, Decimal]] = [
            (0, (), ZERO, ZERO, ZERO)
        ]
        while stack and self.nodes < MOST_NODES:
            place, chosen, low, high, value = stack.pop()
            self.nodes += 1
            if chosen and high >= self.amount:
                self._keep(chosen)  # more ads, all of worse prices, only take from better ones
                continue
            if place == len(self.pieces) or len(chosen) == self.most_orders:
                self._keep(chosen)
                continue
            if not self._may_beat(place, high, value, len(chosen)):
                continue
            piece = self.pieces[place]
            stack.append((place + 1, chosen, low, high, value))
            if low + piece.low <= self.amount:
                more = value + piece.high * piece.worth
                stack.append(
                    (place + 1, (*chosen, place), low + piece.low, high + piece.high, more)
                )
        self.exhausted = not stack

    def _may_beat(self, place: int, high: Decimal, value: Decimal, orders: int) -> bool:
        """Whether the ads from `place` on, freed of their minima, could beat the best so far."""
        most_units, most_value = self.tops[place][self.most_orders - orders]
        left = min(self.amount - high, most_units)
        bound = self._best_first(place, left)
        if not self.exact:
            bound = min(bound, most_value)
        return self._score(high + left, value + bound, orders) > self.best

    def _best_first(self, place: int, units: Decimal) -> Decimal:
        """The value of so many units out of the pieces from `place` on, the best first."""
        until = self.highs[place] + units
        end = min(bisect_left(self.highs, until), len(self.pieces))
        if end <= place:
            return ZERO
        part = (until - self.highs[end - 1]) * self.pieces[end - 1].worth
        return self.values[end - 1] - self.values[place] + part

    def _score(self, filled: Decimal, value: Decimal, orders: int) -> _Score:
        return (filled if self.exact else ZERO, value, -orders)

    def _keep(self, chosen: tuple[int, ...]) -> None:
        units = self.fill(chosen)
        value = sum((u * self.pieces[i].worth for i, u in zip(chosen, units, strict=True)), ZERO)
        score = self._score(sum(units, ZERO), value, len(chosen))
        if chosen and (not self.best_set or score > self.best):
            self.best, self.best_set = score, chosen

    def fill(self, chosen: Sequence[int]) -> list[Decimal]:
        """Minima for all of them, the rest to the best first. The minima fit."""
        units = [self.pieces[i].low for i in chosen]
        left = self.amount - sum(units, ZERO)
        for place, i in enumerate(chosen):
            more = min(left, self.pieces[i].high - units[place])
            units[place] += more
            left -= more
        return units


def _tops(pieces: Sequence[Piece], most: int) -> list[list[tuple[Decimal, Decimal]]]:
    """[place][k]: the most units, and the most value, that k pieces from `place` on can hold."""
    units: list[Decimal] = []
    values: list[Decimal] = []
    tops = []
    for piece in (*reversed(pieces), None):
        # [-k:] of nothing would be everything.
        largest = [(ZERO, ZERO)]
        largest += [(sum(units[-k:], ZERO), sum(values[-k:], ZERO)) for k in range(1, most + 1)]
        tops.append(largest)
        if piece is not None:
            insort(units, piece.high)
            insort(values, piece.high * piece.worth)
    return [*reversed(tops)]


def best_filling(
    pieces: Sequence[Piece], amount: Decimal, *, most_orders: int, exact: bool
) -> Filling:
    """Units per piece, in the order given; at most `amount` in all, from at most `most_orders`
    pieces. `exact`: as much of the amount as can be, then the highest value; else the highest
    value, whatever of the amount remains."""
    usable = [
        i for i, p in enumerate(pieces) if p.low <= p.high and p.high > ZERO and p.low <= amount
    ]
    ranked = sorted(usable, key=lambda i: (-pieces[i].worth, pieces[i].low))
    search = _Search([pieces[i] for i in ranked], amount, most_orders, exact)
    search.run()
    units: list[Decimal | None] = [None] * len(pieces)
    for i, share in zip(search.best_set, search.fill(search.best_set), strict=True):
        units[ranked[i]] = share or None
    filled = sum((u for u in units if u is not None), ZERO)
    return Filling(tuple(units), filled, search.best[1], search.exhausted)
