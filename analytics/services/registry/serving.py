"""From a version to a loaded predictor: cached per process, verified when loaded, and with the
next best one where an artifact is broken."""

from __future__ import annotations

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
from analytics.exceptions import NotReady, Unavailable
from analytics.models import Market, ModelEvent, TrainedModel
from analytics.models.choices import Source
from analytics.selectors.models import Serving, model_active, serving_list
from analytics.services.translate import ml_errors

logger = logging.getLogger(__name__)
_loading = threading.Lock()
Answer = TypeVar("Answer")


@lru_cache(maxsize=64)
def load_predictor(model_id: int, artifact: str, checksum: str, device: str) -> ml.DLPredictor:
    """The artifact's predictor, kept in this process: a version never changes, so it never goes
    stale. Raises ml.ArtifactBroken or ml.ArtifactMismatch."""
    return ml.DLPredictor.load(artifacts.folder_of(artifact), checksum=checksum, device=device)


def predictor_of(model: TrainedModel) -> ml.DLPredictor:
    """The version's predictor; raises ml.ArtifactBroken or ml.ArtifactMismatch."""
    with _loading:
        try:
            artifacts.folder_of(model.artifact)
        except ValueError as error:
            raise ml.ArtifactBroken(str(error)) from error
        return load_predictor(model.pk, model.artifact, model.checksum, conf().SERVE_DEVICE)


def train_line(task: str) -> str:
    """The request that trains a model of that task."""
    return f"POST {reverse(f'api:train-{task}')}"


def answer_with(
    market: Market, task: str, ask: Callable[[Serving, ml.DLPredictor], Answer]
) -> tuple[Serving, Answer, float]:
    """Ask the best that can answer; (who, the answer, milliseconds it took).

    Raises NotReady (no_model) when nothing was ever trained and Unavailable (artifact_broken) when
    no artifact can be used. A broken artifact leaves a line in the audit trail.
    """
    broken: list[str] = []
    for serving in _candidates(market, task):
        started = time.perf_counter()
        try:
            predictor = predictor_of(serving.model)
        except (ml.ArtifactBroken, ml.ArtifactMismatch) as error:
            broken.append(error.message)
            _note_broken(serving.model, error)
            continue
        with ml_errors():
            answer = ask(serving, predictor)
        return serving, answer, (time.perf_counter() - started) * 1000
    if not broken:
        raise NotReady(
            _("%(market)s has no %(task)s model yet. Train one: %(line)s")
            % {"market": market.symbol, "task": task, "line": train_line(task)},
            "no_model",
            train=train_line(task),
        )
    raise Unavailable(
        _("No %(task)s model of %(market)s can be loaded: %(why)s Train one: %(line)s")
        % {
            "task": task,
            "market": market.symbol,
            "why": " ".join(dict.fromkeys(broken)),
            "line": train_line(task),
        },
        "artifact_broken",
    )


def _candidates(market: Market, task: str) -> Iterator[Serving]:
    """Best first; the others are looked up only where the active version cannot answer."""
    active = model_active(market.pk, task)
    if active is not None:
        yield Serving(active, Source.NETWORK)
    yield from serving_list(market, task)[active is not None :]


def _note_broken(model: TrainedModel, error: ml.MLError) -> None:
    logger.error("artifact of version %s (%s): %s", model.pk, model, error)
    if not model.events.filter(action=ModelEvent.Action.BROKEN).exists():
        ModelEvent.objects.create(
            model=model,
            label=f"{model.market.symbol} {model.task} {model}",
            action=ModelEvent.Action.BROKEN,
            automatic=True,
            reason=error.message,
        )


def describe(serving: Serving) -> dict[str, Any]:
    """Who answered, for every answer's `model`."""
    model = serving.model
    return {
        "id": model.pk,
        "version": model.version,
        "family": model.family,
        "status": model.status,
        "source": str(serving.source),
        "name": serving.name,
    }
