"""`python -m bench.flow [--markets 20 100] [--rounds 12] [--home FOLDER]`: worker time per quote of
the flow that follows it: scored, price and spread forecast, pattern named, due forecasts scored,
rules judged. Told are seconds of the processor (of this process and its threads), which other work
on the machine changes little, and beside them those of the clock; and how many of the quotes were
strange, since such a one costs about twice as much.

A market is simulated and learnt from once (one epoch: what an answer costs does not depend on how
long was learnt), then copied. Every round brings each market the next quote of the same simulation;
one task follows them all. The first round, in which a worker that has just started loads
everything, is told apart. Then every other round is timed as a whole, and those between step by
step: to look at the clock two dozen times a quote takes some 3 ms of its own. Database and
artifacts lie in a folder that is gone afterwards, or in one that is kept for the next time.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.speed.world import TASKS, copies, learn, production

#: Days that are learnt from, and those after them whose quotes come one by one.
PAST_DAYS, MORE_DAYS = 100, 10
RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("level", {"level": 1e6}),
    ("move", {"percent": 50, "hours": 6}),
    ("percentile", {"percentile": 100}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Worker time per quote of the flow.")
    parser.add_argument("--markets", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--home", help="folder that is kept: what was learnt is used again")
    asked = parser.parse_args()
    home = asked.home or tempfile.mkdtemp(prefix="paralelo-flow-")
    production(home)
    try:
        _measure(Path(home) / "to_come.csv", asked.markets, asked.rounds)
    finally:
        if not asked.home:
            shutil.rmtree(home, ignore_errors=True)


def _measure(to_come: Path, counts: list[int], rounds: int) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    first = _learnt(to_come)
    _forget_copies(first)
    markets, quotes = [first], _coming(first, to_come)
    for count in sorted(counts):
        markets += copies(first, count - len(markets), len(markets))
        first_round = _round(markets, next(quotes))
        told = [_round(markets, next(quotes), by_step=n % 2 > 0) for n in range(2 * rounds)]
        _tell(count, first_round, whole=told[::2], parts=told[1::2])


def _learnt(to_come: Path) -> Any:
    """A market with a version of every task, and rules. The quotes that follow its own lie in the
    file: they are of moments that are still to come, so that none is stale."""
    from django.utils import timezone

    import ml
    from analytics.models import Market
    from analytics.services.alerting import rules
    from analytics.services.prices.posting import quotes_store

    name = "USDT/AAA@sim0"
    known = Market.objects.filter(exchange="sim0").first()
    if known is not None and known.trained_models.count() == len(TASKS):
        return known
    now = timezone.now()
    start, days = now - dt.timedelta(days=PAST_DAYS), PAST_DAYS + MORE_DAYS
    quotes, _none = ml.simulate_quotes(ml.SimulatedMarket(), start=start, days=days, seed=0)
    quotes[quotes.index > now].to_csv(to_come)
    market = Market.objects.create(asset="USDT", fiat="AAA", exchange="sim0", cadence_minutes=30)
    quotes_store(name, quotes[quotes.index <= now])
    learn(market)
    for kind, params in RULES:
        rules.rule_create(name=kind, kind=kind, params=params)
    return market


def _coming(market: Any, to_come: Path) -> Iterator[dict[str, Any]]:
    """The quotes that the market does not have yet. Runs out: then begin with another folder."""
    import pandas as pd

    quotes = pd.read_csv(to_come, index_col=0, parse_dates=[0])
    last = market.prices.order_by("-timestamp")[0].timestamp
    for moment, figures in quotes[quotes.index > last].iterrows():
        known = {name: float(value) for name, value in figures.items() if value == value}
        yield {"timestamp": moment.to_pydatetime(), **known}


def _forget_copies(first: Any) -> None:
    from analytics.models import Market, TrainedModel

    TrainedModel.objects.exclude(market=first).delete()
    Market.objects.exclude(pk=first.pk).delete()


def _round(markets: list[Any], quote: dict[str, Any], *, by_step: bool = False) -> dict[str, float]:
    """Seconds of one task that follows that next quote of every market, together or by step; and
    how many of the quotes were strange."""
    from analytics.models import AnomalyResult, PriceHistory
    from analytics.services import flow

    for market in markets:
        PriceHistory.objects.create(market=market, **quote)
    spent: dict[str, float] = defaultdict(float)
    works, judge = flow._works, flow.evaluate
    if by_step:
        flow._works = lambda one: {step: _seen(spent, step, w) for step, w in works(one).items()}
        flow.evaluate = lambda **how: _timed(spent, "rules", lambda: judge(**how))
    began, clock = time.process_time(), time.perf_counter()
    try:
        followed = flow.quotes_follow(now=quote["timestamp"] + dt.timedelta(seconds=5))
    finally:
        flow._works, flow.evaluate = works, judge
    if not by_step:
        spent["all"], spent["clock"] = time.process_time() - began, time.perf_counter() - clock
    if len(followed) != len(markets):
        raise RuntimeError(f"{len(followed)} of {len(markets)} markets were followed")
    spent["strange"] = AnomalyResult.objects.filter(timestamp=quote["timestamp"]).count()
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


def _tell(
    count: int,
    first_round: dict[str, float],
    *,
    whole: list[dict[str, float]],
    parts: list[dict[str, float]],
) -> None:
    strange = sum(one.pop("strange") for one in (*whole, *parts))
    _say(f"{count} markets: first round {1000 * first_round['all'] / count:.1f} ms a quote")
    for rounds in (parts, whole):
        for step in sorted(rounds[0], key=lambda step: rounds[0][step]):
            figures = [1000 * one[step] / count for one in rounds]
            text = f"median {statistics.median(figures):.1f}, mean {statistics.mean(figures):.1f}"
            _say(f"  {step:8s} {text}, worst {max(figures):.1f} ms a quote")
    _say(f"  strange  {strange:.0f} of {count * (len(whole) + len(parts))} quotes")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
