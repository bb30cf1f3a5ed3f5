"""Reads of trained versions, and of what they said."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery
from django.utils.translation import gettext as _

from analytics.exceptions import NotFound
from analytics.models import Forecast, Market, ModelEvent, PatternResult, TrainedModel
from analytics.models.choices import Source
from analytics.models.direct import fetch
from analytics.selectors.glimpse import glimpse_of

Status = TrainedModel.Status
#: Versions of a task whose baselines may answer.
_MOST_BASELINES = 3


@dataclass(frozen=True)
class Serving:
    """Who answers for a market and task: an active version's network, or, where no version beat
    its baseline, the baseline of the newest candidate."""

    model: TrainedModel
    source: Source

    @property
    def name(self) -> str:
        return self.model.family if self.source == Source.NETWORK else self.model.baseline


def forecast_list() -> QuerySet[Forecast]:
    return Forecast.objects.select_related("market", "model").order_by("-as_of", "-id")


def pattern_list() -> QuerySet[PatternResult]:
    return PatternResult.objects.select_related("market", "model").order_by("-as_of", "-id")


def model_list() -> QuerySet[TrainedModel]:
    return with_state(TrainedModel.objects.select_related("market", "run").order_by("-id"))


def with_state(models: QuerySet[TrainedModel]) -> QuerySet[TrainedModel]:
    """The same with `last_action`: the last thing that was decided on them, or that they were found
    broken since."""
    told = (*ModelEvent.DECISIONS, ModelEvent.Action.BROKEN)
    trail = ModelEvent.objects.filter(model=OuterRef("pk"), action__in=told).order_by("-id")
    return models.annotate(last_action=Subquery(trail.values("action")[:1]))


def is_broken(model: TrainedModel) -> bool:
    """Of a version out of `with_state`: found broken, and not promoted or retired since."""
    return getattr(model, "last_action", None) == ModelEvent.Action.BROKEN


def model_is_broken(model: TrainedModel) -> bool:
    """The same of any version, asked of the database."""
    return is_broken(with_state(TrainedModel.objects.filter(pk=model.pk)).get())


def with_decisions(models: QuerySet[TrainedModel]) -> QuerySet[TrainedModel]:
    """The same with their decisions read along, for `model_decision` of many."""
    return models.prefetch_related(Prefetch("events", queryset=_events(), to_attr="trail"))


def model_decision(model: TrainedModel) -> ModelEvent | None:
    """The last event that was decided on figures: promoted or kept back."""
    trail = getattr(model, "trail", None)
    events = _events().filter(model=model) if trail is None else trail
    return next((event for event in events if event.figures.get("verdict")), None)


def model_undecided() -> QuerySet[TrainedModel]:
    """Candidates that nobody has decided on yet, oldest first: that there is no event is the
    durable mark of it."""
    said = ModelEvent.objects.filter(model=OuterRef("pk"), action__in=ModelEvent.DECISIONS)
    candidates = TrainedModel.objects.filter(~Exists(said), status=Status.CANDIDATE)
    return candidates.select_related("market", "run").order_by("pk")


def _events() -> QuerySet[ModelEvent]:
    decided = (ModelEvent.Action.PROMOTED, ModelEvent.Action.KEPT_BACK)
    return ModelEvent.objects.filter(action__in=decided).select_related("by").order_by("-id")


def model_active(market_id: int, task: str) -> TrainedModel | None:
    return model_list().filter(market=market_id, task=task, status=Status.ACTIVE).first()


def model_answering(market_id: int, task: str) -> TrainedModel | None:
    """The same for who only wants to ask it: one cheap read says which version it is, and the row
    is kept between requests, because a version never changes. Its `status` is what it is now; its
    `last_action` may be older."""
    which = _which(market_id, task)
    return None if which is None else _kept(*which)


def _kept(pk: int, artifact: str, checksum: str) -> TrainedModel | None:
    """What `version_row` keeps, but not of a transaction: what it writes may be undone, and the
    number given again."""
    row = version_row.__wrapped__ if connection.in_atomic_block else version_row
    return row(pk, artifact, checksum)


def _which(market_id: int, task: str) -> tuple[int, str, str] | None:
    """(id, artifact, checksum) of the active version."""
    if seen := glimpse_of(market_id):
        return seen.answering.get(task)
    found = fetch(_WHICH, [market_id, str(task), str(Status.ACTIVE)])
    return found[0] if found else None  # type: ignore[return-value]


def models_answering(markets: Collection[int]) -> dict[int, dict[str, tuple[int, str, str]]]:
    """(id, artifact, checksum) of the active version of each task, of many markets at once."""
    found: dict[int, dict[str, tuple[int, str, str]]] = {pk: {} for pk in markets}
    active = TrainedModel.objects.filter(market__in=markets, status=Status.ACTIVE)
    for market_id, task, *which in active.values_list(
        "market", "task", "id", "artifact", "checksum"
    ):
        found[market_id][task] = tuple(which)
    return found


def models_newest(
    markets: Collection[int], task: str
) -> dict[int, list[tuple[int, str, str, str]]]:
    """(id, artifact, checksum, status) of a task's newest versions, newest first, of many markets
    at once."""
    found: dict[int, list[tuple[int, str, str, str]]] = {pk: [] for pk in markets}
    if markets:
        versions = TrainedModel.objects.filter(market__in=markets, task=task).order_by("-id")
        for pk, *which in versions.values_list("market", "id", "artifact", "checksum", "status"):
            if len(found[pk]) < _MOST_BASELINES:
                found[pk].append(tuple(which))
    return found


#: The compiler of a queryset takes longer than this query.
_WHICH = (
    f"SELECT id, artifact, checksum FROM {TrainedModel._meta.db_table} "  # noqa: S608
    "WHERE market_id = %s AND task = %s AND status = %s"
)


@lru_cache(maxsize=1024)
def version_row(pk: int, artifact: str, checksum: str) -> TrainedModel | None:
    """None where it was deleted meanwhile; artifact and checksum only tell it from another one that
    had its number."""
    model = model_list().filter(pk=pk).first()
    if model is not None:
        model.status = Status.ACTIVE  # as it was read a moment ago, whatever came between
    return model


def model_previous(market_id: int, task: str) -> TrainedModel | None:
    """The version that was promoted last before the one that is active now."""
    retired = model_list().filter(market=market_id, task=task, status=Status.RETIRED)
    promoted = retired.filter(events__action__in=["promoted", "rolled_back"])
    return promoted.order_by("-events__id").first()


def serving_list(market: Market, task: str) -> list[Serving]:
    """Everyone who could answer, best first: the active version, then earlier promoted ones (used
    when an artifact is broken), then the baselines of what was trained, newest first."""
    return list(servings(market, task))


def servings(market: Market, task: str) -> Iterator[Serving]:
    """The same one by one: most who ask want the first alone, and each kind is a query."""
    seen = glimpse_of(market.pk)
    if seen is not None and task in seen.inactive:
        yield from _seen_baselines(seen.inactive[task])
        return
    active = model_active(market.pk, task)
    if active is not None:
        yield Serving(active, Source.NETWORK)
        retired = (
            model_list()
            .filter(market=market, task=task, status=Status.RETIRED, events__action="promoted")
            .order_by("-version")
            .distinct()[:3]
        )
        yield from (Serving(m, Source.NETWORK) for m in retired)
    trained = model_list().filter(market=market, task=task)[:_MOST_BASELINES]
    yield from (Serving(m, Source.BASELINE) for m in trained)


def servings_first(markets: Collection[int]) -> dict[tuple[int, str], Serving]:
    """The first of the `servings` of each (market, task) that has one, of many markets in two
    queries."""
    versions = with_state(TrainedModel.objects.filter(market__in=markets))
    active = versions.filter(status=Status.ACTIVE)
    found = {(m.market_id, m.task): Serving(m, Source.NETWORK) for m in active}
    same = TrainedModel.objects.filter(market=OuterRef("market"), task=OuterRef("task"))
    newest = same.order_by("-id").values("pk")[:1]
    for model in versions.filter(pk=Subquery(newest)):
        found.setdefault((model.market_id, model.task), Serving(model, Source.BASELINE))
    return found


def _seen_baselines(versions: Sequence[tuple[int, str, str, str]]) -> Iterator[Serving]:
    for *which, status in versions:
        row = _kept(*which)
        if row is not None:
            own = copy(row)  # others share the one that is kept
            own.status = status
            yield Serving(own, Source.BASELINE)


def model_next_version(market_id: int, task: str) -> int:
    versions = TrainedModel.objects.filter(market=market_id, task=task)
    return (versions.order_by("-version").values_list("version", flat=True).first() or 0) + 1


def model_get(model_id: int) -> TrainedModel:
    model = model_list().filter(pk=model_id).first()
    if model is None:
        raise NotFound(_("There is no model %(id)s.") % {"id": model_id}, "unknown_model")
    return model
