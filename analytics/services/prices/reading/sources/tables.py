"""A table whose rows are read block by block, as often as needed, one block in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from analytics.lazily import np, pa
from analytics.services.prices.reading.decisions import Reject
from analytics.services.prices.reading.sources.layout import Layout

#: Rows of a block that comes from memory.
BLOCK_ROWS = 65_536


class Restart(Exception):
    """A source turned out to be written otherwise than its first rows; read it again from the
    start. Raised at most twice for a source (a row longer than a piece, then a quote left open)."""


@dataclass(frozen=True)
class Block:
    """Some rows in the order of the source. `cells`: index of a column -> its cells (text, numbers
    or timestamps; null where empty), `rows`: the number of each row, `torn`: rows between them
    that have the wrong number of cells."""

    cells: dict[int, pa.Array]
    rows: np.ndarray
    torn: list[Reject] = field(default_factory=list)

    def text(self, place: int) -> str:
        """What is known of a row, for people."""
        values = (column[place].as_py() for column in self.cells.values())
        return ",".join("" if value is None else str(value) for value in values)


@dataclass(frozen=True)
class Table:
    """`sample`: the first data rows as text. `blocks(columns)` reads the columns of these indices;
    it raises InvalidInput (bad_file) where the source turns out to be broken. `delimiter` is "" for
    what is no text. `machine`: a program wrote its figures (JSON, parquet)."""

    name: str
    layout: Layout
    sample: list[list[str]]
    blocks: Callable[[Sequence[int]], Iterator[Block]]
    delimiter: str = ""
    machine: bool = False


def chained(tables: list[Table]) -> Table:
    """Tables of one layout, one after another."""
    first = tables[0]

    def blocks(columns: Sequence[int]) -> Iterator[Block]:
        for table in tables:
            yield from table.blocks(columns)

    sample = [row for table in tables for row in table.sample]
    return Table(first.name, first.layout, sample, blocks, first.delimiter, first.machine)
