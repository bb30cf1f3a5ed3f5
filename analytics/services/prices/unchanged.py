"""What is made of quotes is stored only while they are still the market's.

Quotes are read, an answer is made of them for a while, and then something is stored. Who deletes or
corrects quotes in between forgets what was stored by then, and would never learn of what is stored
afterwards. So the storing transaction holds the market's lock, as every writer of its quotes does,
and asks whether any were rewritten since they were read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import transaction

from analytics.models import Market
from analytics.models.market import lock_markets
from analytics.selectors.prices import market_counters

#: How often an answer is made anew. A market whose history is just being imported is rewritten
#: again and again; its answers are given, and not stored.
TRIES = 3

Answer = TypeVar("Answer")
Kept = TypeVar("Kept")


def keep_unchanged(
    market: Market,
    ask: Callable[[], Answer],
    keep: Callable[[Answer], Kept],
    *,
    needed: Callable[[Answer], bool] = lambda answer: True,
) -> tuple[Answer, Kept | None]:
    """Ask, then store by `keep` in a transaction that holds the market. Where its quotes were
    rewritten meanwhile, ask again; after TRIES the answer is not stored, nor where it need not be:
    (the answer, what `keep` answered or None)."""
    for _try in range(TRIES):
        before = market_counters(market).rewrites
        answer = ask()
        if not needed(answer):
            return answer, None
        with transaction.atomic():
            lock_markets([market.pk])
            if market_counters(market).rewrites == before:
                return answer, keep(answer)
    return answer, None
