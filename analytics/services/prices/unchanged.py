"""What is made of quotes is stored only while they are still the market's.

Quotes are read, an answer is made of them for a while, and then something is stored. Who deletes or
corrects quotes in between forgets what was stored by then, and would never learn of what is stored
afterwards. So the storing transaction holds the market's lock, as every writer of its quotes does,
and asks whether any were rewritten since they were read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from django.db import transaction

from analytics.models import Market
from analytics.models.market import lock_markets
from analytics.selectors.glimpse import Glimpse, glimpsed
from analytics.selectors.prices import market_counters

#: How often an answer is made anew. A market whose history is just being imported is rewritten
#: again and again; its answers are given, and not stored.
TRIES = 3

Answer = TypeVar("Answer")
Kept = TypeVar("Kept")


def _is_told(error: Exception) -> object:
    raise error


@dataclass(frozen=True)
class Work(Generic[Answer, Kept]):
    """Something made of a market's quotes: `ask` makes it, `keep` stores it where it is `needed`.
    Each may be called again. What kept it from being made or stored goes to `failed`, which raises
    it unless it has dealt with it."""

    ask: Callable[[], Answer]
    keep: Callable[[Answer], Kept]
    needed: Callable[[Answer], bool] = lambda answer: True
    failed: Callable[[Exception], object] = _is_told


def keep_unchanged(
    market: Market, work: Work[Answer, Kept], *, glimpse: Glimpse | None = None
) -> tuple[Answer, Kept | None]:
    """Ask, then store in a transaction that holds the market. Where its quotes were rewritten
    meanwhile, ask again; after TRIES the answer is not stored, nor where it need not be: (the
    answer, what `keep` answered or None). The market is asked as in the `glimpse` at first."""
    for turn in range(TRIES):
        with glimpsed(None if turn else glimpse):
            before = market_counters(market).rewrites
            answer = work.ask()
            if not work.needed(answer):
                return answer, None
        with transaction.atomic():
            lock_markets([market.pk])
            if market_counters(market).rewrites == before:
                return answer, work.keep(answer)
    return answer, None


def keep_all_unchanged(
    market: Market,
    works: Mapping[str, Work[Any, Any]],
    *,
    failed: Callable[[str, Exception], None],
    glimpse: Glimpse | None = None,
) -> None:
    """The same of several works, stored in one transaction. One that fails keeps no other back:
    `failed` is told its name and why. The market is asked as in the `glimpse` at first."""
    open_works = dict(works)
    for turn in range(TRIES):
        with glimpsed(None if turn else glimpse):
            before = market_counters(market).rewrites
            keeps = _made(open_works, failed)
        if not keeps or _stored(market, before, keeps, open_works, failed):
            return
        open_works = {name: open_works[name] for name in keeps}


def _made(
    works: Mapping[str, Work[Any, Any]], failed: Callable[[str, Exception], None]
) -> dict[str, Callable[[], object]]:
    """What stores the answers, of those that are to be stored."""
    keeps: dict[str, Callable[[], object]] = {}
    for name, work in works.items():
        try:
            answer = work.ask()
            if work.needed(answer):
                keeps[name] = partial(work.keep, answer)
        except Exception as error:
            _tell(name, work, error, failed)
    return keeps


def _stored(
    market: Market,
    before: int,
    keeps: Mapping[str, Callable[[], object]],
    works: Mapping[str, Work[Any, Any]],
    failed: Callable[[str, Exception], None],
) -> bool:
    """Store them all; False where the quotes were rewritten since."""
    try:
        with transaction.atomic():
            lock_markets([market.pk])
            if market_counters(market).rewrites != before:
                return False
            for keep in keeps.values():
                keep()
    except Exception as error:
        if len(keeps) > 1:  # which of them it was shows where each is stored alone
            alone = [
                _stored(market, before, {name: keep}, works, failed) for name, keep in keeps.items()
            ]
            return all(alone)
        for name in keeps:
            _tell(name, works[name], error, failed)
    return True


def _tell(
    name: str,
    work: Work[Any, Any],
    error: Exception,
    failed: Callable[[str, Exception], None],
) -> None:
    try:
        work.failed(error)
    except Exception as raised:
        failed(name, raised)
