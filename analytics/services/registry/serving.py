"""From a version to a loaded predictor: cached per process, verified when loaded, and with the
next best one where an artifact is broken."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

from django.urls import reverse
from django.utils.translation import gettext as _

import ml
from analytics import artifacts
from analytics.conf import conf
from analytics.exceptions import InvalidInput, NotReady, StorageAway, Unavailable
from analytics.models import Market, ModelEvent, TrainedModel
from analytics.models.choices import Source
from analytics.retelling import retold
from analytics.selectors.models import Serving, model_answering, model_is_broken, serving_list
from analytics.services.prices.history import history_rows
from analytics.services.registry.expiry import expiry_of
from analytics.services.registry.soundness import is_finite, refuse_nan
from analytics.services.registry.untrained import untrained_baseline
from analytics.services.translate import ml_errors

logger = logging.getLogger(__name__)
_loading = threading.Lock()
Answer = TypeVar("Answer")
#: What says itself why a version cannot answer, or says nothing of it.
_AS_IT_IS = (
    *(ml.ArtifactBroken, ml.ArtifactMismatch, ml.DeviceUnavailable),
    *(StorageAway, MemoryError),
)


# Four of each of 128 markets: the flow goes over all markets in turn, and one that lacks a single
# place forgets every predictor, with what it remembers of its day, just before it is asked again.
@lru_cache(maxsize=512)
def load_predictor(model_id: int, artifact: str, checksum: str, device: str) -> ml.DLPredictor:
    """The artifact's predictor, kept in this process: a version never changes, so it never goes
    stale. Raises ml.ArtifactBroken or ml.ArtifactMismatch."""
    folder = artifacts.folder_of(artifact)
    predictor = ml.DLPredictor.load(folder, checksum=checksum, device=device)
    refuse_nan(folder)
    return predictor


def predictor_of(model: TrainedModel) -> ml.DLPredictor:
    """The version's predictor; raises ml.ArtifactBroken or ml.ArtifactMismatch, whatever it is that
    keeps the artifact from being used, ml.DeviceUnavailable, and StorageAway where it cannot be
    fetched now."""
    try:
        artifacts.fetch(model.artifact)  # before the lock: others answer meanwhile
        with _loading:
            asked = (model.pk, model.artifact, model.checksum, conf().SERVE_DEVICE)
            predictor = load_predictor(*asked)
        if predictor.task != model.task:
            raise ml.ArtifactMismatch(f"It answers {predictor.task}, not {model.task}.")
        return predictor
    except _AS_IT_IS:
        raise
    except Exception as error:
        # An unknown family, a config out of range, a manifest that is nested too deeply ...
        name, why = type(error).__name__, " ".join(str(error).split())[:300]
        message = f"The artifact {model.artifact} cannot be used ({name}: {why})."
        raise ml.ArtifactBroken(message) from error


def train_line(task: str) -> str:
    """The request that trains a model of that task."""
    return f"POST {reverse(f'api:train-{task}')}"


def answer_with(
    market: Market,
    task: str,
    ask: Callable[[Serving, ml.DLPredictor], Answer],
    *,
    or_baseline: bool = False,
    when_short: bool = False,
) -> tuple[Serving, Answer, float]:
    """Ask the best that can answer; (who, the answer, milliseconds it took once it was loaded).

    With `or_baseline` the baseline of a market with fewer rows than a network needs answers, named
    as such (a Serving whose model is in no database), with `when_short` also where of late too
    little is known for what was trained. Raises NotReady (no_model) when nothing was ever trained
    and Unavailable when no artifact can be used (artifact_broken) or fetched now (storage_away). A
    broken one leaves a line in the audit trail; one that may be there in a moment does not.
    """
    broken: list[ml.MLError | StorageAway] = []
    short: InvalidInput | None = None
    for serving in _candidates(market, task):
        try:
            predictor = predictor_of(serving.model)
        except (ml.ArtifactBroken, ml.ArtifactMismatch, StorageAway) as error:
            broken.append(error)
            _note_broken(serving.model, error)
            continue
        try:
            answer, milliseconds = _timed(ask, serving, predictor)
        except InvalidInput as error:
            short = _shortage(error, when_short)
            break
        if serving.source == Source.NETWORK and not is_finite(answer):
            broken.append(_not_finite(serving.model))
            continue
        return serving, answer, milliseconds
    wanted = or_baseline and not broken
    untrained = untrained_baseline(market, task, short=bool(short)) if wanted else None
    if untrained is None:
        raise short or _nobody(market, task, broken)
    return (untrained[0], *_timed(ask, *untrained))


def _shortage(error: InvalidInput, when_short: bool) -> InvalidInput:
    """That too little is known, where another may answer then; else it is raised."""
    if not when_short or error.code != "not_enough_data":
        raise error
    return error


def _not_finite(model: TrainedModel) -> ml.ArtifactBroken:
    """What is wrong with it, noted in the audit trail."""
    unusable = ml.ArtifactBroken(f"The artifact {model.artifact} answers what is no finite number.")
    _note_broken(model, unusable)
    return unusable


def _timed(
    ask: Callable[[Serving, ml.DLPredictor], Answer], serving: Serving, predictor: ml.DLPredictor
) -> tuple[Answer, float]:
    """(the answer, milliseconds it took)."""
    started = time.perf_counter()
    with ml_errors():
        answer = ask(serving, predictor)
    return answer, (time.perf_counter() - started) * 1000


def _nobody(
    market: Market, task: str, broken: list[ml.MLError | StorageAway]
) -> NotReady | Unavailable:
    """Why nobody answers: nothing was trained, or what was trained cannot be used (`broken`)."""
    needed = ml.TASKS[ml.Task(task)].min_grid_rows
    rows = 0 if broken else history_rows(market, most=needed)
    if not broken and rows < needed:
        return NotReady(
            _(
                "%(market)s has no %(task)s model yet and too few quotes to train one: %(needed)s "
                "grid rows are needed, %(rows)s are present. Collect or import more, then: %(line)s"
            )
            % {
                "market": market.symbol,
                "task": task,
                "needed": needed,
                "rows": rows,
                "line": train_line(task),
            },
            "no_model",
            train=train_line(task),
        )
    if not broken:
        return NotReady(
            _("%(market)s has no %(task)s model yet. Train one: %(line)s")
            % {"market": market.symbol, "task": task, "line": train_line(task)},
            "no_model",
            train=train_line(task),
        )
    return Unavailable(
        _("No %(task)s model of %(market)s can be loaded: %(why)s Train one: %(line)s")
        % {
            "task": task,
            "market": market.symbol,
            "why": " ".join(dict.fromkeys(retold(error.message) for error in broken)),
            "line": train_line(task),
        },
        "storage_away" if any(isinstance(e, StorageAway) for e in broken) else "artifact_broken",
    )


def _candidates(market: Market, task: str) -> Iterator[Serving]:
    """Best first; the others are looked up only where the active version cannot answer."""
    active = model_answering(market.pk, task)
    if active is not None:
        yield Serving(active, Source.NETWORK)
    yield from serving_list(market, task)[active is not None :]


def _note_broken(model: TrainedModel, error: ml.MLError | StorageAway) -> None:
    logger.error("artifact of version %s (%s): %s", model.pk, model, error)
    if not isinstance(error, StorageAway) and not model_is_broken(model):
        ModelEvent.objects.create(
            model=model,
            label=f"{model.market.symbol} {model.task} {model}",
            action=ModelEvent.Action.BROKEN,
            automatic=True,
            reason=error.message,
        )


def describe(serving: Serving, *, at: dt.datetime | None = None) -> dict[str, Any]:
    """Who answered, for every answer's `model`; `at` is the moment that the answer is about."""
    model = serving.model
    return {
        "id": model.pk,
        "version": model.version,
        "family": model.family,
        "status": model.status,
        "source": str(serving.source),
        "name": serving.name,
        "expired": expiry_of(model, at=at) is not None,
    }
