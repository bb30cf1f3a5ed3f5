"""Alerts: rules are judged (`evaluate`), what they say goes out (`deliver`); kinds of rules and
channels are in `analytics/alerts/`."""

from __future__ import annotations

from analytics.services.alerting.delivering import deliver
from analytics.services.alerting.evaluating import evaluate

__all__ = ["deliver", "evaluate"]
