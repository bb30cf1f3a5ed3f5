"""`python -m bench.flow [--markets 20 100] [--rounds 5] [--home FOLDER]`: worker time per quote of
the flow that follows it: scored, price and spread forecast, pattern named, due forecasts scored,
rules judged. Told are seconds of the processor (of this process and its threads), which other work
on the machine does not change, and beside them those of the clock.

A market is simulated and learnt from once (one epoch: what an answer costs does not depend on how
long was learnt), then copied. Every round brings each market its next half-hour; one task follows
them all. The first round, in which a worker that has just started loads everything, is told apart.
Database and artifacts lie in a folder that is gone afterwards, or in one that is kept for the next
time.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from bench.speed.world import TASKS, copies, learn, production

STEP = dt.timedelta(minutes=30)
RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("level", {"level": 1e6}),
    ("move", {"percent": 50, "hours": 6}),
    ("percentile", {"percentile": 100}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Worker time per quote of the flow.")
    parser.add_argument("--markets", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--home", help="folder that is kept: what was learnt is used again")
    asked = parser.parse_args()
    home = asked.home or tempfile.mkdtemp(prefix="paralelo-flow-")
    production(home)
    try:
        _measure(asked.markets, asked.rounds)
    finally:
        if not asked.home:
            shutil.rmtree(home, ignore_errors=True)


def _measure(counts: list[int], rounds: int) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    first = _learnt()
    _forget_copies(first)
    markets = [first]
    for count in sorted(counts):
        markets += copies(first, count - len(markets), len(markets))
        _tell(count, [_round(markets) for _round_no in range(rounds + 1)])


def _learnt() -> Any:
    """A market with a version of every task, and rules."""
    from django.utils import timezone

    from analytics.models import Market
    from analytics.services.alerting import rules
    from analytics.services.prices.simulation import price_simulate

    known = Market.objects.filter(exchange="sim0").first()
    if known is not None and known.trained_models.count() == len(TASKS):
        return known
    start = timezone.now() - dt.timedelta(days=101)
    market = price_simulate(market="USDT/AAA@sim0", days=100, start=start)
    learn(market)
    for kind, params in RULES:
        rules.rule_create(name=kind, kind=kind, params=params)
    return market


def _next(market: Any) -> dict[str, Any]:
    """The quote that comes: half an hour after the last one, as it was a day earlier."""
    from analytics.models import PriceHistory

    columns = [column.name for column in PriceHistory.SCHEMA]
    last, *_rest, before = PriceHistory.objects.filter(market=market).order_by("-timestamp")[:48]
    figures = {name: getattr(before, name) for name in columns}
    return {"timestamp": last.timestamp + STEP, **figures}


def _forget_copies(first: Any) -> None:
    from analytics.models import Market, TrainedModel

    TrainedModel.objects.exclude(market=first).delete()
    Market.objects.exclude(pk=first.pk).delete()


def _round(markets: list[Any]) -> dict[str, float]:
    """Seconds by step of one task that follows the next quote of every market."""
    from analytics.models import PriceHistory
    from analytics.services import flow

    quote = _next(markets[0])
    for market in markets:
        PriceHistory.objects.create(market=market, **quote)
    spent: dict[str, float] = defaultdict(float)
    works, judge = flow._works, flow.evaluate
    flow._works = lambda one: {step: _seen(spent, step, w) for step, w in works(one).items()}
    flow.evaluate = lambda **how: _timed(spent, "rules", lambda: judge(**how))
    began, clock = time.process_time(), time.perf_counter()
    try:
        followed = flow.quotes_follow(now=quote["timestamp"] + dt.timedelta(seconds=5))
    finally:
        flow._works, flow.evaluate = works, judge
    spent["all"], spent["clock"] = time.process_time() - began, time.perf_counter() - clock
    if len(followed) != len(markets):
        raise RuntimeError(f"{len(followed)} of {len(markets)} markets were followed")
    return spent


def _seen(spent: dict[str, float], step: str, work: Any) -> Any:
    """The same work, its time written down: its own, and together that of storing all of them."""
    return dataclasses.replace(
        work,
        ask=lambda: _timed(spent, step, work.ask),
        keep=lambda answer: _timed(spent, "storing", lambda: work.keep(answer)),
    )


def _timed(spent: dict[str, float], step: str, does: Callable[[], Any]) -> Any:
    began = time.process_time()
    try:
        return does()
    finally:
        spent[step] += time.process_time() - began


def _tell(count: int, spent: list[dict[str, float]]) -> None:
    def each(one: dict[str, float], step: str) -> float:
        return 1000 * one[step] / count

    warm = spent[1:]
    _say(f"{count} markets: first round {each(spent[0], 'all'):.1f} ms a quote")
    for step in sorted(warm[0], key=lambda step: each(warm[0], step)):
        figures = [each(one, step) for one in warm]
        text = f"median {statistics.median(figures):.1f}, worst {max(figures):.1f} ms a quote"
        _say(f"  {step:8s} {text}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
