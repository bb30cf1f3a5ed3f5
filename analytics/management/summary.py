"""The summary of the main job: one screen that says what was learned and what it says now."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rich.console import Console
from rich.rule import Rule

from analytics.management.tables import (
    anomaly_table,
    forecast_table,
    model_table,
    pattern_table,
)
from analytics.models import TrainedModel
from analytics.services.main_job import Outcome


def print_summary(console: Console, outcome: Outcome, models: list[TrainedModel]) -> None:
    """Models beside baselines, forecasts, anomalies, pattern, what was refused, seconds."""
    console.print(Rule(f"Paralelo: {outcome.market.symbol}"))
    console.print(model_table(models, brief=True))
    answers = outcome.answers
    for task in ("price", "spread"):
        if task in answers:
            console.print(forecast_table(answers[task]))
    if "anomaly" in answers:
        console.print(anomaly_table(answers["anomaly"], most=5))
    if "pattern" in answers:
        console.print(pattern_table(answers["pattern"]))
    for what, why in {**outcome.refused, **outcome.failed}.items():
        console.print(_("%(what)s: not available: %(why)s") % {"what": what, "why": why})
    took = ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.seconds.items())
    console.print(_("Seconds: %(took)s.") % {"took": took})
