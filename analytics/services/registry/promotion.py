"""Which version answers: promote, retire, roll back, and the policy that does it by itself."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from analytics import events
from analytics.exceptions import AnalyticsError, Conflict, NotReady, StorageAway
from analytics.models import Market, ModelEvent, TrainedModel
from analytics.selectors.models import model_active, model_previous, model_undecided
from analytics.services.registry.challengers import assess

logger = logging.getLogger(__name__)
Status = TrainedModel.Status
Action = ModelEvent.Action


def model_promote(
    *, model: TrainedModel, by: Any = None, reason: str = "", force: bool = False
) -> TrainedModel:
    """Make a version the active one. It must beat its baseline and hold against the active version
    (registry.challengers; Conflict not_better otherwise), or be forced with a reason."""
    if model.status == Status.ACTIVE:
        raise Conflict(_("This version is already active."), "already_active", model_id=model.pk)
    if force and not reason.strip():
        raise Conflict(
            _("A forced promotion needs a reason."),
            "reason_required",
            {"reason": _("say why this version is to answer")},
        )
    figures = _judge_forced(model) if force else judge(model)
    if not force and not figures["better"]:
        raise Conflict(
            _("This version is not better than what answers now; force it with a reason."),
            "not_better",
            figures=figures,
        )
    return _activate(model, Action.PROMOTED, by=by, reason=reason, figures=figures)


def model_consider(*, model: TrainedModel) -> bool:
    """The automatic policy after a training: promote what is better, keep back the rest, and leave
    a trail either way; whether the version answers now. Never raises for a reason that lies in a
    model: the run did succeed. Whoever asks, and however many at once, it is decided one time: the
    figures are taken without a lock, the decision counts only if the version is still undecided and
    the champion still the one it was compared with."""
    while True:
        champion = model_active(model.market_id, model.task)
        figures, why = _figures(model, champion)
        with transaction.atomic():
            _lock(model)
            if not model_undecided().filter(pk=model.pk).exists():
                model.refresh_from_db()
                return model.status == Status.ACTIVE
            if model_active(model.market_id, model.task) != champion:
                continue
            if figures.get("better"):
                _activate(model, Action.PROMOTED, figures=figures, automatic=True)
                return True
            _record(model, Action.KEPT_BACK, figures=figures, reason=why, automatic=True)
            return False


def _figures(model: TrainedModel, champion: TrainedModel | None) -> tuple[dict[str, Any], str]:
    """What `assess` found, or nothing and why."""
    try:
        return assess(model, champion), ""
    except (DatabaseError, StorageAway):
        raise  # says nothing of the version: it stays undecided, and the worker tries again
    except AnalyticsError as error:
        logger.warning("version %s could not be compared: %s", model, error)
        return {}, error.message
    except Exception as error:
        logger.exception("version %s could not be compared", model)
        return {}, f"{type(error).__name__}: {error}"


def _lock(model: TrainedModel) -> None:
    """Decisions about a market's versions take turns; to be called in a transaction."""
    Market.objects.select_for_update(no_key=True).get(pk=model.market_id)


def model_retire(*, model: TrainedModel, by: Any = None, reason: str = "") -> TrainedModel:
    """Take a version out of service; without another active one the baseline answers."""
    changed = TrainedModel.objects.filter(pk=model.pk).exclude(status=Status.RETIRED)
    with transaction.atomic():
        if not changed.update(status=Status.RETIRED):
            raise Conflict(_("This version is already retired."), "already_retired")
        _record(model, Action.RETIRED, by=by, reason=reason)
    model.refresh_from_db()
    return model


def model_rollback(*, market: Market, task: str, by: Any = None, reason: str = "") -> TrainedModel:
    """Bring back the version that was active before the present one."""
    previous = model_previous(market.pk, task)
    if previous is None:
        raise NotReady(
            _("%(market)s has no earlier %(task)s version to go back to.")
            % {"market": market.symbol, "task": task},
            "no_earlier_version",
        )
    return _activate(previous, Action.ROLLED_BACK, by=by, reason=reason)


def judge(model: TrainedModel) -> dict[str, Any]:
    """The figures of the decision: see registry.challengers. Raises Unavailable where the version
    cannot be loaded."""
    return assess(model, model_active(model.market_id, model.task))


def _judge_forced(model: TrainedModel) -> dict[str, Any]:
    """The same for who decides anyhow: what cannot be measured stops nobody."""
    try:
        return judge(model)
    except AnalyticsError as error:
        return {"verdict": "not_compared", "better": False, "why": error.message}


def _activate(
    model: TrainedModel,
    action: str,
    *,
    by: Any = None,
    reason: str = "",
    figures: dict[str, Any] | None = None,
    automatic: bool = False,
) -> TrainedModel:
    with transaction.atomic():
        _lock(model)
        champion = model_active(model.market_id, model.task)
        if champion == model:
            raise Conflict(
                _("This version is already active."), "already_active", model_id=model.pk
            )
        if champion is not None:
            TrainedModel.objects.filter(pk=champion.pk).update(status=Status.RETIRED)
            _record(champion, Action.RETIRED, by=by, reason=str(model), automatic=automatic)
        TrainedModel.objects.filter(pk=model.pk).update(status=Status.ACTIVE)
        _record(model, action, by=by, reason=reason, figures=figures, automatic=automatic)
        events.publish(
            events.ModelPromoted(
                model_id=model.pk,
                market_id=model.market_id,
                task=model.task,
                version=model.version,
                action=str(action),
                automatic=automatic,
                replaced=champion.pk if champion else None,
            )
        )
    model.refresh_from_db()
    return model


def _record(model: TrainedModel, action: str, **facts: Any) -> None:
    facts["figures"] = facts.get("figures") or {}
    label = f"{model.market.symbol} {model.task} {model}"
    ModelEvent.objects.create(model=model, label=label, action=action, **facts)
