"""What the columns of a table are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Sides whose names say who buys or sells, but not from whose point of view.
UNSURE = ("buy", "sell")
SIDE_PARTS = ("", "_vwap", "_volume", "_offers")


@dataclass(frozen=True)
class ColumnPlan:
    """Indices of columns. `time`, and `clock` where the hour stands in a column of its own.
    `figures`: figure -> column; buy and sell (buy_volume ...) stand for sides that the data have to
    tell apart, offers for those of the row's side. `side`: the column that says which side a row
    is of; `sides`: what its words mean where that is known. `market`: role -> column."""

    time: int
    clock: int | None = None
    figures: Mapping[str, int] = field(default_factory=dict)
    side: int | None = None
    sides: Mapping[str, str] = field(default_factory=dict)
    market: Mapping[str, int] = field(default_factory=dict)

    @property
    def unsure(self) -> bool:
        """Whether the sides are still to be told apart."""
        return "buy" in self.figures or (self.side is not None and not self.sides)

    @property
    def columns(self) -> list[int]:
        """Every index, once, in the order of the table."""
        places = {self.time, *self.figures.values(), *self.market.values()}
        places |= {place for place in (self.clock, self.side) if place is not None}
        return sorted(places)
