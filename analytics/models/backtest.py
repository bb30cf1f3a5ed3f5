"""Backtests: what a model trained before A would have forecast from A to B."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from analytics.models.market import Market
from analytics.models.run import Run


class BacktestRun(Run):
    """One request for a backtest. Predictions and report lie in the folder `folder` of
    HOME/backtests, there once the run has succeeded."""

    class Task(models.TextChoices):
        PRICE = "price", _("price")
        SPREAD = "spread", _("spread")

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="backtests"
    )
    task = models.CharField(_("task"), max_length=16, choices=Task)
    start = models.DateTimeField(_("from"), help_text=_("The model learns from what came before."))
    end = models.DateTimeField(_("to"), help_text=_("Origins and their targets lie before it."))
    step_minutes = models.PositiveIntegerField(_("step (minutes)"))
    refit_every = models.DurationField(
        _("refitted every"), null=True, blank=True, help_text=_("Empty: fitted once.")
    )
    origin_step = models.PositiveIntegerField(_("steps between origins"), default=1)
    family = models.CharField(_("family"), max_length=40, blank=True)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    # What two open runs of a market may not have in common, and what an earlier run is found by.
    plan_key = models.CharField(max_length=64, blank=True, editable=False)
    # The market's quotes as they were when it was asked for (services/jobs/backtests.py).
    quotes_mark = models.CharField(max_length=60, blank=True, editable=False)
    progress = models.FloatField(_("progress"), default=0.0, help_text=_("Share done, 0 to 1."))

    figures = models.JSONField(
        _("figures"),
        default=list,
        blank=True,
        help_text=_("A line per horizon and set of targets, beside the baselines."),
    )
    folder = models.CharField(_("folder"), max_length=120, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("backtest")
        verbose_name_plural = _("backtests")
        constraints = [
            models.UniqueConstraint(
                fields=["market", "task", "plan_key"],
                condition=Q(status__in=["queued", "running"]),
                name="backtest_no_open_twin",
            ),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="backtest_window"),
        ]
        indexes = [models.Index(fields=["status", "heartbeat_at"], name="backtest_by_heartbeat")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_task_display()} {self.get_status_display()}"
