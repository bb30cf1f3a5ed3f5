"""What a market's stored quotes are like, before anybody trains on them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

import ml
from analytics.lazily import pd
from analytics.models import Market, TrainingRun
from analytics.selectors.frames import price_frame
from analytics.services.prices.history import last_moment
from analytics.services.translate import ml_errors


def data_audit(*, market: Market, until: dt.datetime | None = None) -> dict[str, Any]:
    """Gaps, staleness, one-sided and crossed shares, jumps, seasons, and whether it is enough,
    ready for JSON. Raises InvalidInput (no_history)."""
    frame = price_frame(market, until=last_moment(market, until))
    with ml_errors():
        audit = ml.audit_quotes(frame, step_minutes=market.cadence_minutes)
    return {"market": market.symbol, **dataclasses.asdict(audit)}


def run_audit(*, run: TrainingRun, frame: pd.DataFrame) -> dict[str, Any]:
    """Audit the quotes that a run is about to learn from, and keep the report in the run. Raises
    ml.NotEnoughData where they are too few for the run's task."""
    audit = ml.audit_quotes(frame, step_minutes=run.market.cadence_minutes)
    report = {
        key: value.isoformat() if isinstance(value, dt.datetime) else value
        for key, value in dataclasses.asdict(audit).items()
    }
    TrainingRun.objects.filter(pk=run.pk).update(audit=report)
    if not audit.enough[run.task]:
        needed = ml.TASKS[ml.Task(run.task)].min_grid_rows
        present = round(audit.grid_rows * (1 - audit.missing_share))
        raise ml.NotEnoughData(
            too_little(run.market, needed, present), needed=needed, present=present
        )
    return report


def too_little(market: Market, needed: int, present: int) -> str:
    """The sentence for a market that cannot be learned from yet."""
    return _(
        "%(market)s has too little history: %(needed)s rows of its %(step)s-minute grid "
        "are needed, %(present)s are present."
    ) % {
        "market": market.symbol,
        "needed": needed,
        "present": present,
        "step": market.cadence_minutes,
    }
