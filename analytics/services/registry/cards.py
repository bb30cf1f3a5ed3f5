"""A version's model card: everything stored that somebody should know before trusting it.

Nothing is written down twice: the card is read off the version, its run, the audit kept there, the
decision about it and its scored forecasts, whenever it is asked for.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

import ml
from analytics.models import ModelEvent, TrainedModel
from analytics.retelling import retold
from analytics.selectors.accuracy import merged, tallies
from analytics.selectors.models import model_decision

#: Days of scored forecasts that a card looks back on.
LIVE_DAYS = 90
#: A stretch is short below so many days, and a coverage off beyond so many points.
SHORT_DAYS, OFF_COVERAGE = 14, 0.05


def model_card(model: TrainedModel) -> dict[str, Any]:
    """The facts, ready for JSON. `limits` are {code, ...}: stable words, with their figures."""
    run = model.run
    event = model_decision(model)
    return {
        "id": model.pk,
        "market": model.market.symbol,
        "task": model.task,
        "family": model.family,
        "version": model.version,
        "status": model.status,
        "trained_at": model.trained_at,
        "data": {
            "from": model.data_from,
            "until": model.data_until,
            "trained_until": model.trained_until,
            "test_from": model.test_from,
            "rows": run.row_count,
            "step_minutes": model.step_minutes,
            "dataset_hash": run.dataset_hash,
            "others": run.others,
            "audit": run.audit or None,
        },
        "features": {"input_columns": model.input_columns, "window": model.window},
        "training": {
            "run_id": run.pk,
            "config": run.config,
            "seed": run.seed,
            "seconds": run.seconds,
            "device": model.device,
            "versions": run.versions,
            "checksum": model.checksum,
        },
        "figures": _figures(model),
        "calibration": calibration(model),
        "comparison": comparison(event) if event else None,
        "live": live(model),
        "limits": limits(model),
    }


def _figures(model: TrainedModel) -> dict[str, Any]:
    return {
        "primary_metric": model.primary_metric,
        "score": model.score,
        "baseline": model.baseline,
        "baseline_score": model.baseline_score,
        "beats_baseline": model.beats_baseline,
        "metrics": [
            {
                "name": name,
                "model": model.metrics.get(name),
                "baseline": model.baseline_metrics.get(name),
            }
            for name in model.metric_names()
        ],
    }


def comparison(event: ModelEvent) -> dict[str, Any]:
    """A decision as the API and the card tell it."""
    return {
        "action": event.action,
        "at": event.at,
        "automatic": event.automatic,
        "by": event.by.username if event.by else None,
        "reason": event.why,
        **event.figures,
        **({"why": retold(event.figures["why"])} if "why" in event.figures else {}),
    }


def calibration(model: TrainedModel) -> list[dict[str, Any]]:
    """Coverage of the intervals per horizon on the test stretch; empty where there are none."""
    rows = []
    for steps in ml.HORIZONS:
        shares = {f"coverage_{k}": model.metrics.get(f"cov{k}_h{steps}") for k in (80, 90)}
        if None not in shares.values():
            rows.append({"horizon": steps, "n": model.metrics.get(f"n_h{steps}"), **shares})
    return rows


def live(model: TrainedModel) -> list[dict[str, Any]]:
    """What became of the version's own forecasts in the last LIVE_DAYS, per horizon."""
    since = timezone.now() - dt.timedelta(days=LIVE_DAYS)
    found = tallies(markets=[model.market_id], since=since, model_id=model.pk)
    return [
        {
            "horizon": tally.steps,
            "n": tally.n,
            "skill": tally.skill,
            "coverage_80": tally.inside_80 / tally.n,
            "coverage_90": tally.inside_90 / tally.n,
        }
        for tally in merged(t for t in found if t.source == "network")
    ]


def _since(model: TrainedModel) -> list[dict[str, Any]]:
    """What became of it after its training."""
    found: list[dict[str, Any]] = []
    if model.expired_at is not None:
        found.append({"code": "expired", "since": model.expired_at})
    if model.drifted_at is not None:
        found.append({"code": "drifted", "reasons": list(model.drift.get("reasons", ()))})
    return found


def limits(model: TrainedModel) -> list[dict[str, Any]]:
    """What the stored facts say against relying on the version, the gravest first."""
    found = _since(model)
    if not model.beats_baseline:
        found.append({"code": "below_baseline", "baseline": model.baseline})
    for steps in ml.HORIZONS:
        skill = model.metrics.get(f"mae_skill_h{steps}")
        if skill is not None and skill >= 1:
            found.append({"code": "no_gain", "horizon": steps, "skill": skill})
    for row in calibration(model):
        for level in (80, 90):
            share = row[f"coverage_{level}"]
            if abs(share - level / 100) > OFF_COVERAGE:
                found.append(
                    {"code": "coverage", "horizon": row["horizon"], "level": level, "share": share}
                )
    for finding in (model.run.audit or {}).get("findings", ()):
        if finding["level"] != "note":
            found.append({"code": "data", "finding": finding["code"], "text": finding["text"]})
    days = (model.data_until - model.test_from).total_seconds() / 86400
    if days < SHORT_DAYS:
        found.append({"code": "short_test", "days": round(days, 1)})
    needs = {"window": model.window, "columns": model.input_columns}
    return [*found, {"code": "needs", **needs}, {"code": "one_market", "days": round(days, 1)}]
