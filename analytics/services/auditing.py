"""What a market's stored quotes are like, before anybody trains on them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import ml
from analytics.models import Market
from analytics.selectors.prices import price_frame
from analytics.services.history import last_moment
from analytics.services.translate import ml_errors


def data_audit(*, market: Market, until: dt.datetime | None = None) -> dict[str, Any]:
    """Gaps, staleness, one-sided and crossed shares, jumps, seasons, and whether it is enough,
    ready for JSON. Raises InvalidInput (no_history)."""
    frame = price_frame(market, until=last_moment(market, until))
    with ml_errors():
        audit = ml.audit_quotes(frame, step_minutes=market.cadence_minutes)
    return {"market": market.symbol, **dataclasses.asdict(audit)}
