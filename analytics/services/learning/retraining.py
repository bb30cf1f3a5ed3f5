"""Trainings that the policy asks for, with the reason on the run."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market, TrainingRun
from analytics.services.jobs.training import training_request
from analytics.services.learning.policy import TRAIN, Decision, refused, retraining_decide

logger = logging.getLogger(__name__)


def models_retrain(
    *, market: Market | None = None, dry_run: bool = False, now: dt.datetime | None = None
) -> list[Decision]:
    """Decide, and ask for the trainings that are to be; answers the decisions as they were carried
    out (with `dry_run` as they would be). Asked twice, the second finds the first one's runs."""
    decided = retraining_decide(market=market, now=now)
    return decided if dry_run else [_carry_out(one) for one in decided]


def _carry_out(one: Decision) -> Decision:
    if one.action != TRAIN:
        return one
    try:
        run = _request(one)
    except Conflict as twin:
        return refused(one, "open_run", **twin.details)
    except InvalidInput as error:
        logger.warning("%s %s is not trained anew: %s", one.market, one.task, error.message)
        return refused(one, error.code, why=error.message)
    logger.info("%s %s is trained anew (run %s): %s", one.market, one.task, run.pk, one.code)
    one.figures["run_id"] = run.pk
    return one


def _request(one: Decision) -> TrainingRun:
    """By the family and the configuration of the version before; by the family's own where it does
    not take that any more, by the task's where the family is gone."""
    asked: dict[str, Any] = {
        "market": one.market,
        "task": one.task,
        "reason": one.code,
        "reason_figures": dict(one.figures),
    }
    told = one.model
    try:
        return training_request(**asked, family=told.family, params=told.run.config)
    except InvalidInput as error:
        if error.code == "unknown_family":
            return training_request(**asked, params={})
        if error.code == "bad_config":
            return training_request(**asked, family=told.family, params={})
        raise
