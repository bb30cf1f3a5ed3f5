"""Files of quotes into the database: read, merged, written once however often they are sent.

How a file is read is the reader's business (see reading); here its rows find their markets.
"""

from __future__ import annotations

import csv
import dataclasses
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from analytics import events
from analytics.conf import conf
from analytics.lazily import np, pd
from analytics.models import Market
from analytics.selectors.prices import market_level
from analytics.services.prices import reading as reader
from analytics.services.prices.gathering import gathered
from analytics.services.prices.markets import market_find, market_get_or_create, refuse_bad_symbol
from analytics.services.prices.reading import (
    Decision,
    ReadOptions,
    Reject,
)
from analytics.services.prices.reading.decisions import unreadable
from analytics.services.prices.rows import ProgressCallback, merge_rows, write_rows


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """read = new + updated + unchanged + merged + rejected + left_out; `merged` rows stood for a
    moment that another row of the file names too, `left_out` ones are of other markets. `reasons`
    has a line for each reason of a reject with its count and an example. `markets` are the symbols
    met, in the order of the file, `created` those that were not there before. `enough` says that at
    least half of what was wanted could be used."""

    read: int
    new: int
    updated: int
    unchanged: int
    merged: int
    rejected: int
    left_out: int
    rejects_path: Path | None
    reasons: list[str]
    decisions: tuple[Decision, ...]
    markets: list[str]
    created: list[str]
    enough: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ImportCheck:
    """What an import would do: `rows` are the first ones as they would be stored, `rejects` those
    before and among them, `summary` counts the whole file."""

    decisions: tuple[Decision, ...]
    rows: pd.DataFrame
    rejects: list[Reject]
    summary: list[str]
    enough: bool


def price_read(path: Path, options: ReadOptions) -> reader.Reading:
    """Understand a file as `read_quotes` does, helped by what its market remembers of the last one
    and by about what its price is."""
    if options.market is not None:
        refuse_bad_symbol(options.market)
        market = market_find(options.market)
        if market is not None:
            options = dataclasses.replace(
                options, remembered=market.reading, level=market_level(market)
            )
    return reader.read_quotes(path, options)


def price_check(*, path: Path | str, options: ReadOptions | None = None) -> ImportCheck:
    """Read a file to its end and store nothing. Raises what `read_quotes` raises."""
    reading = price_read(Path(path), options or ReadOptions())
    rows, rejects = reading.preview()
    deque(reading.blocks(), maxlen=0)
    return ImportCheck(
        decisions=reading.decisions,
        rows=rows,
        rejects=rejects,
        summary=reading.summary(),
        enough=reading.enough,
    )


def price_import(
    *,
    path: Path | str,
    market: str | None = None,
    options: ReadOptions | None = None,
    rejects_dir: Path | None = None,
    on_progress: ProgressCallback | None = None,
) -> ImportReport:
    """Import a file of quotes, candles or plain values, whatever its form.

    `market` (ASSET/FIAT@exchange, also in `options`) belongs to files that do not name one. Bad
    rows are written, with row and reason, to a csv in `rejects_dir` (the logs by default). Raises
    InvalidInput where the file as a whole cannot be used, or leaves open how (see read_quotes).
    """
    started = time.perf_counter()
    path, options = Path(path), options or ReadOptions()
    if market is not None:
        refuse_bad_symbol(market)
        options = dataclasses.replace(options, market=market)
    reading = price_read(path, options)
    target = (rejects_dir or conf().logs) / f"{path.name}.rejects.csv"
    with _Rejects(target) as rejects:
        rows = gathered(rejects.kept(reading.blocks(on_progress)), reading.rows)
    rows, markets, created = _with_markets(rows)
    rows = merge_rows(rows)
    counts = write_rows(rows, on_progress)
    _remember(markets, reading.settings)
    say_stored(rows)
    return ImportReport(
        **_facts(reading),
        new=counts["new"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        merged=reading.used - len(rows),
        rejects_path=rejects.path,
        markets=[market.symbol for market in markets],
        created=[market.symbol for market in created],
        seconds=time.perf_counter() - started,
    )


def _facts(reading: reader.Reading) -> dict[str, Any]:
    """What a report takes over of a reading."""
    return {
        "read": reading.read,
        "rejected": reading.rejects.total,
        "left_out": reading.left_out,
        "reasons": reading.rejects.lines(),
        "decisions": reading.decisions,
        "enough": reading.enough,
    }


def _with_markets(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Market], list[Market]]:
    """`rows`, from now on with market_id instead of symbol; the markets in order of appearance, and
    those of them that were made."""
    ids: dict[str, int] = {}
    markets: dict[int, Market] = {}
    created: dict[int, Market] = {}
    if rows.empty:
        return rows, [], []
    symbols = rows.pop("symbol").cat
    codes = symbols.codes.to_numpy()
    for code in pd.unique(codes).tolist():
        symbol = symbols.categories[code]
        found = market_find(symbol)
        market = found or market_get_or_create(symbol, seen=rows["timestamp"][codes == code])
        ids[symbol] = market.pk
        markets.setdefault(market.pk, market)
        if found is None:
            created[market.pk] = market
    numbers = np.array([ids.get(symbol, 0) for symbol in symbols.categories], dtype="int64")
    rows["market_id"] = numbers[codes]
    return rows, list(markets.values()), list(created.values())


def _remember(markets: list[Market], settings: dict[str, Any]) -> None:
    """A file of one market says how its next one is to be read."""
    if len(markets) == 1 and settings and markets[0].reading != settings:
        Market.objects.filter(pk=markets[0].pk).update(reading=settings)


def say_stored(rows: pd.DataFrame) -> None:
    """Tell the dispatcher of written rows (with market_id)."""
    if len(rows):
        events.publish(events.QuotesStored(market_ids=tuple(rows["market_id"].unique().tolist())))


class _Rejects:
    """Row, reason and content of every reject as csv, written as they come; no file without any."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._stream: IO[str] | None = None
        self.path: Path | None = None

    def __enter__(self) -> _Rejects:
        return self

    def __exit__(self, *error: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def kept(self, blocks: Iterator[reader.QuoteBlock]) -> Iterator[reader.QuoteBlock]:
        """The same blocks, their rejects written out."""
        for block in blocks:
            if block.rejects:
                self._write(block.rejects)
            yield block

    def _write(self, rejects: list[Reject]) -> None:
        try:
            if self._stream is None:
                self._target.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._target.open("w", encoding="utf-8", newline="")
                self.path = self._target
                csv.writer(self._stream).writerow(["row", "reason", "content"])
            csv.writer(self._stream).writerows((r.row, r.reason, r.content) for r in rejects)
        except OSError as error:
            raise unreadable(str(self._target), error) from error
