"""Keeping house: purge old versions, sweep folders nobody owns."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from analytics import artifacts, events
from analytics.exceptions import InvalidInput
from analytics.models import AnomalyEvent, ModelEvent, TrainedModel
from analytics.selectors.anomalies import fact_of


def models_purge(*, keep: int, dry_run: bool = False, by: Any = None) -> list[dict[str, Any]]:
    """Remove versions beyond the newest `keep` of their market and task, with their results and
    folders. The active version is never removed, nor one whose events somebody has judged:
    labels are people's work. Returns what was (or, with `dry_run`, would be) removed."""
    if keep < 1:
        raise InvalidInput(
            _("At least one version must be kept."), "bad_keep", {"keep": _("must be at least 1")}
        )
    kept: dict[tuple[int, str], int] = {}
    doomed: list[TrainedModel] = []
    labelled = set(
        AnomalyEvent.objects.exclude(feedback="").values_list("model_id", flat=True).distinct()
    )
    for model in TrainedModel.objects.select_related("market").order_by("-version"):
        key = (model.market_id, model.task)
        precious = model.status == TrainedModel.Status.ACTIVE or model.pk in labelled
        if precious or kept.get(key, 0) < keep:
            kept[key] = kept.get(key, 0) + 1
        else:
            doomed.append(model)
    if not dry_run:
        for model in doomed:
            _purge(model, by)
        artifacts.sweep(set(TrainedModel.objects.values_list("artifact", flat=True)))
    return [
        {"id": m.pk, "market": m.market.symbol, "task": m.task, "version": m.version}
        for m in doomed
    ]


def _purge(model: TrainedModel, by: Any) -> None:
    label = f"{model.market.symbol} {model.task} {model}"
    with transaction.atomic():
        for event in model.anomaly_events.filter(is_open=True):
            events.publish(events.AnomalyClosed(**fact_of(event)))
        model.delete()
        ModelEvent.objects.create(label=label, action=ModelEvent.Action.PURGED, by=by)
    # After the row: a folder may lack its row, a row never its folder.
    artifacts.discard(artifacts.folder_of(model.artifact))
