"""Reads of versions for the pages on which they are compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.db.models.functions import TruncDay
from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput, NotFound
from analytics.models import AnomalyEvent, ForecastScore, Market, TrainedModel, TrainingRun
from analytics.models.choices import Source, Task
from analytics.selectors.accuracy import inside_of
from analytics.selectors.models import model_list, with_decisions, with_state
from analytics.selectors.runs import run_list

#: Versions, runs and backtests that the page of a task lists.
LISTED = 30
#: Runs that can be put side by side.
MOST_COMPARED = 6


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """A task of a market: `model` is the active version, else the newest; `run` is open."""

    market: Market
    task: str
    model: TrainedModel | None = None
    versions: int = 0
    run: TrainingRun | None = None


def task_states(markets: Sequence[Market]) -> list[TaskState]:
    """Every task of these markets, in three queries however many they are."""
    ids = [market.pk for market in markets]
    of_markets = TrainedModel.objects.filter(market__in=ids)
    keys = of_markets.order_by().values("market", "task")
    counts = {(r["market"], r["task"]): r for r in keys.annotate(n=Count("pk"), newest=Max("pk"))}
    newest = [row["newest"] for row in counts.values()]
    shown = of_markets.filter(Q(status=TrainedModel.Status.ACTIVE) | Q(pk__in=newest))
    models: dict[tuple[int, str], TrainedModel] = {}
    for model in with_state(shown).order_by("pk"):
        before = models.get((model.market_id, model.task))
        if before is None or before.status != TrainedModel.Status.ACTIVE:
            models[model.market_id, model.task] = model
    runs = {
        (run.market_id, run.task): run
        for run in run_list().filter(market__in=ids, status__in=TrainingRun.OPEN)
    }
    return [
        TaskState(
            market=market,
            task=task,
            model=models.get((market.pk, task)),
            versions=counts.get((market.pk, task), {}).get("n", 0),
            run=runs.get((market.pk, task)),
        )
        for market in markets
        for task in Task.values
    ]


def version_list(market: Market, task: str) -> list[TrainedModel]:
    """The newest versions, each with its decisions."""
    return list(with_decisions(model_list().filter(market=market, task=task))[:LISTED])


def live_daily(market: Market, task: str, *, since: dt.datetime) -> list[dict[str, Any]]:
    """What became of the networks' forecasts by day (in the active zone) and version, oldest first:
    day, model, name, n, sums of `error_` and `naive`, how many lay `in_80` and `in_90`."""
    scores = ForecastScore.objects.filter(
        forecast__market=market,
        forecast__task=task,
        forecast__source=Source.NETWORK,
        target_at__gte=since,
    )
    rows = scores.annotate(day=TruncDay("target_at")).values(
        "day",
        model=F("forecast__model"),
        version=F("forecast__model__version"),
        family=F("forecast__model__family"),
    )
    summed = rows.annotate(
        n=Count("pk"),
        error_=Sum("error"),
        naive=Sum("naive_error"),
        in_80=inside_of("inside_80"),
        in_90=inside_of("inside_90"),
    )
    return list(summed.order_by("day", "model"))


def judged_counts(market: Market) -> list[dict[str, Any]]:
    """Per version of the detector its alarms, and how many people called true or false."""
    rows = AnomalyEvent.objects.filter(market=market, score__gte=AnomalyEvent.ALARM)
    counted = (
        rows.order_by()
        .values("model__family", "model__version")
        .annotate(
            alarms=Count("pk"),
            true=Count("pk", filter=Q(feedback="true")),
            false=Count("pk", filter=Q(feedback="false")),
        )
    )
    return list(counted.order_by("-model__version")[:LISTED])


def runs_compared(ids: Iterable[int]) -> list[TrainingRun]:
    """Those runs with their versions, in this order. Raises InvalidInput (bad_runs), NotFound."""
    wanted = list(dict.fromkeys(ids))
    if not 2 <= len(wanted) <= MOST_COMPARED:
        text = _("Choose two to %(most)s runs.") % {"most": MOST_COMPARED}
        raise InvalidInput(text, "bad_runs", {"run": text})
    found = run_list().select_related("model").in_bulk(wanted)
    missing = [pk for pk in wanted if pk not in found]
    if missing:
        raise NotFound(_("There is no training run %(id)s.") % {"id": missing[0]}, "unknown_run")
    runs = [found[pk] for pk in wanted]
    if len({run.task for run in runs}) > 1:
        text = _("Runs of different tasks have nothing to compare.")
        raise InvalidInput(text, "bad_runs", {"run": text})
    return runs


def market_runs(market: Market, task: str) -> QuerySet[TrainingRun]:
    """Its trainings, newest first, without what is long."""
    return (
        run_list().filter(market=market, task=task).defer("losses", "config", "versions", "audit")
    )
