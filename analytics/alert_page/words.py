"""Alerts, put into words: rules, channels, deliveries, and what forms call things."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.models import AlertChannel, AlertDelivery, AlertRule
from analytics.retelling import retold
from analytics.services.alerting.composing import delivery_words
from analytics.words import word, written

_LABELS = {
    "figure": _("Figure"),
    "direction": _("Side"),
    "level": _("Level"),
    "hysteresis": _("Hysteresis (%)"),
    "percent": _("Percent"),
    "hours": _("Hours"),
    "percentile": _("Percentile"),
    "low": _("Lower end"),
    "high": _("Upper end"),
    "steps": _("Horizon (steps)"),
    "quantile": _("Quantile"),
    "anomaly": _("Kind of anomaly"),
    "severity": _("Severity"),
    "side": _("Buy or sell"),
    "amount": _("Amount"),
    "currency": _("Counted in"),
    "payment": _("Payment method"),
    "price": _("Price"),
    "trade_percent": _("Fee of a trade (%)"),
    "transfer_fixed": _("Fee of a transfer"),
    "minutes": _("Minutes"),
    "days": _("Days"),
    "restarts": _("Tell restarts"),
    "url": _("Address"),
    "key": _("Signing key"),
    "image": _("With a chart"),
}
_CHOICES = {
    "above": _("above"),
    "below": _("below"),
    "either": _("either"),
    "buy": _("buy"),
    "sell": _("sell"),
    "fiat": _("fiat"),
    "asset": _("asset"),
    "any": _("any"),
    "low": _("low"),
    "medium": _("medium"),
    "high": _("high"),
    "critical": _("critical"),
    "info": _("information"),
    "warning": _("warning"),
    "error": _("error"),
}
_STATES = {"sent": "good", "dead": "bad", "pending": "quiet"}


def label(name: str) -> str:
    """What a form calls a parameter."""
    return str(_LABELS.get(name, name))


def choice_name(value: str) -> str:
    """What a form calls a choice."""
    return str(_CHOICES.get(value, word(value)))


def _value(value: Any) -> str:
    if isinstance(value, float):
        return written(f"{value:.12g}")
    return choice_name(str(value))


def rule_line(rule: AlertRule, titles: dict[str, str]) -> dict[str, Any]:
    """A rule as a row of its table."""
    params = ", ".join(f"{label(name)}: {_value(value)}" for name, value in rule.params.items())
    return {
        "row": rule,
        "kind": titles.get(rule.kind, rule.kind),
        "params": params,
        "market": rule.market.symbol if rule.market else _("all"),
        "channels": ", ".join(channel.name for channel in rule.channels.all()) or "–",
    }


def channel_line(channel: AlertChannel, titles: dict[str, str]) -> dict[str, Any]:
    """A channel as a row of its table."""
    state, text = ("quiet", _("unused"))
    if not channel.enabled:
        state, text = "quiet", _("switched off")
    elif channel.failures:
        state, text = "bad", retold(channel.last_error)
    elif channel.last_success_at:
        state, text = "good", _("works")
    return {
        "row": channel,
        "kind": titles.get(channel.kind, channel.kind),
        "mark": state,
        "state": text,
    }


def delivery_line(row: AlertDelivery) -> dict[str, Any]:
    """A delivery as a row of its table."""
    return {
        "row": row,
        "market": row.market.symbol if row.market else "–",
        "text": delivery_words(row.kind, row.values),
        "mark": _STATES[row.status],
        "state": row.get_status_display(),
    }
