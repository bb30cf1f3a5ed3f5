# ruff: noqa: S608  (the SQL is all our own)
"""What the product reads of its quotes: its own statements, caught as it sends them, explained."""

from __future__ import annotations

import datetime as dt
import json
import os
import statistics
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.size.statements import rows, run
from bench.size.tables import TABLE, Plan, Variant, relations

#: Tables that are swept so often through the server's memory that all else is out of it.
_BROOMS, _SWEEPS = 5, 6
Ask = Callable[[Any], Any]


@dataclass(frozen=True)
class Answer:
    """Milliseconds of all its statements, planned and done, medians: asked again of the same
    market, and of others with nothing in memory (None where the server's files cannot be reached).
    Pages of 8 KiB that it looked at the last time."""

    warm: float
    cold: float | None
    planning: float
    pages: int


def questions(plan: Plan) -> dict[str, Ask]:
    """By what they are called; each takes the market that it is asked of."""
    return _of_now(plan) | _of_before(plan)


def _of_now(plan: Plan) -> dict[str, Ask]:
    """What most requests ask."""
    from analytics.admin.base import MOST_COUNTED
    from analytics.models import PriceHistory
    from analytics.selectors.frames import price_frame
    from analytics.selectors.prices import market_list, newest_moment
    from analytics.selectors.series import quote_series_of

    def lately(_market: Any) -> Any:
        return quote_series_of(dict.fromkeys(market_list(), plan.end - dt.timedelta(days=2)))

    return {
        "newest quote of a market": newest_moment,
        "newest quote of every market": lambda _market: list(market_list()),
        "first page of a market (API)": _page,
        "last 60 days of a market": lambda market: price_frame(
            market, since=plan.end - dt.timedelta(days=60), until=plan.end
        ),
        "last 2 days of every market": lately,
        "admin's list of all quotes": lambda _market: (
            PriceHistory.objects.order_by()[:MOST_COUNTED].count(),
            list(PriceHistory.objects.select_related("market").order_by("-id")[:100]),
        ),
    }


def _of_before(plan: Plan) -> dict[str, Ask]:
    """What trainings, exports and deletions ask, and who turns pages."""
    from analytics.models import PriceHistory
    from analytics.selectors.frames import price_chunks, price_frame
    from analytics.selectors.prices import oldest_moment
    from analytics.services.prices.history import history_rows

    middle = plan.start + (plan.end - plan.start) / 2
    return {
        "oldest quote of a market": oldest_moment,
        "a page of years ago (API)": lambda market: _page(market, timestamp__lt=middle),
        "60 days of years ago": lambda market: price_frame(
            market, since=middle - dt.timedelta(days=60), until=middle
        ),
        "next 5,000 of an export": lambda market: next(price_chunks(market, since=middle)),
        "a market's rows, to 10,000": lambda market: history_rows(market, most=10_000),
        "all of a market, counted": lambda market: PriceHistory.objects.filter(
            market=market
        ).count(),
    }


def _page(market: Any, **more: Any) -> list[Any]:
    """As the API's list asks it: one more than it shows."""
    from analytics.selectors.prices import price_list

    return list(price_list().filter(market=market, **more)[:101])


def asked(variant: Variant, ask: Ask, markets: Sequence[Any], rounds: int) -> Answer:
    """Cold of a market after the other, warm of the first one of them."""
    cold = []
    for market in markets[1:]:
        if not chilled(variant):
            break
        cold.append(sum(explained(statements(ask, market), chill=variant)[:2]))
    sent = statements(ask, markets[0])
    explained(sent)
    found = [explained(sent) for _round in range(rounds)]
    return Answer(
        statistics.median(planning + doing for planning, doing, _pages in found),
        statistics.median(cold) if cold else None,
        statistics.median(planning for planning, _doing, _pages in found),
        int(found[-1][2]),
    )


def statements(ask: Ask, market: Any) -> list[tuple[str, Any]]:
    """What is sent about quotes when that is asked."""
    from django.db import connection, transaction

    sent: list[tuple[str, Any]] = []

    def caught(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if TABLE in sql and not many:
            sent.append((sql, params))
        return execute(sql, params, many, context)

    # In a transaction nothing is kept from one asking to the next.
    with transaction.atomic(), connection.execute_wrapper(caught):
        ask(market)
    return sent


def explained(
    sent: Iterable[tuple[str, Any]], chill: Variant | None = None
) -> tuple[float, float, int]:
    """Milliseconds of planning, of doing, and pages; with `chill` from disk."""
    if chill is not None:
        chilled(chill)
    planning, doing, pages = 0.0, 0.0, 0
    for sql, params in sent:
        ((found,),) = rows(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", params or ()
        )
        (told,) = json.loads(found) if isinstance(found, str) else found
        planning += told["Planning Time"]
        doing += told["Execution Time"]
        pages += told["Plan"]["Shared Hit Blocks"] + told["Plan"]["Shared Read Blocks"]
    return planning, doing, pages


def chilled(variant: Variant) -> bool:
    """Push the variant's pages out of the server's memory and of this host's; whether that could be
    done. Nobody else's are touched."""
    files = [file for oid in relations(variant) for file in _files(oid)]
    if not all(os.access(file, os.R_OK) for file in files):
        return False
    run("CHECKPOINT")
    for _sweep in range(_SWEEPS):
        for broom in range(_BROOMS):
            rows(f"SELECT count(*) FROM size_broom{broom}")
    for file in files:
        with suppress(FileNotFoundError), file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def make_brooms() -> None:
    """Tables that fill the server's shared memory together, each small enough to be read through
    it (one above a fourth of it is read past it)."""
    ((pages,),) = rows("SELECT setting::bigint FROM pg_settings WHERE name = 'shared_buffers'")
    for broom in range(_BROOMS):
        run(f"CREATE UNLOGGED TABLE public.size_broom{broom} (filler text)")
        run(f"ALTER TABLE public.size_broom{broom} ALTER filler SET STORAGE PLAIN")
        run(
            f"INSERT INTO public.size_broom{broom} SELECT repeat('-', 7900) "
            f"FROM generate_series(1, {pages // _BROOMS})"
        )


def drop_brooms() -> None:
    for broom in range(_BROOMS):
        run(f"DROP TABLE public.size_broom{broom}")


def _files(oid: int) -> list[Path]:
    """A relation's files, of 1 GiB each."""
    ((folder, path),) = rows(
        "SELECT current_setting('data_directory'), pg_relation_filepath(%s::regclass)", [oid]
    )
    first = Path(folder, path)
    return [first, *first.parent.glob(f"{first.name}.*")]
