"""Backtests: what a model trained before A would have forecast from A to B."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from analytics.models.market import Market


class BacktestRun(models.Model):
    """One request for a backtest. The row is the truth, the queue only a doorbell. Predictions and
    report lie in the folder `folder` of HOME/backtests, there once the run has succeeded."""

    class Task(models.TextChoices):
        PRICE = "price", _("price")
        SPREAD = "spread", _("spread")

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (Status.QUEUED, Status.RUNNING)

    market = models.ForeignKey(Market, models.CASCADE, related_name="backtests")
    task = models.CharField(_("task"), max_length=16, choices=Task)
    start = models.DateTimeField(_("from"), help_text=_("The model learns from what came before."))
    end = models.DateTimeField(_("to"), help_text=_("Origins and their targets lie before it."))
    step_minutes = models.PositiveIntegerField(_("step (minutes)"))
    refit_every = models.DurationField(
        _("refitted every"), null=True, blank=True, help_text=_("Empty: fitted once.")
    )
    origin_step = models.PositiveIntegerField(_("steps between origins"), default=1)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    by_worker = models.BooleanField(_("by the worker"), default=True)

    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.QUEUED)
    stage = models.CharField(_("stage"), max_length=60, blank=True)
    progress = models.FloatField(_("progress"), default=0.0, help_text=_("Share done, 0 to 1."))
    eta_seconds = models.FloatField(_("seconds left"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("heartbeat"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    host = models.CharField(_("host"), max_length=120, blank=True)
    pid = models.PositiveIntegerField(_("process"), null=True, blank=True)
    cancel_requested = models.BooleanField(_("cancel requested"), default=False)
    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    error_message = models.TextField(_("error message"), blank=True)

    figures = models.JSONField(
        _("figures"),
        default=list,
        blank=True,
        help_text=_("A line per horizon and set of targets, beside the baselines."),
    )
    folder = models.CharField(_("folder"), max_length=120, blank=True)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("backtest")
        verbose_name_plural = _("backtests")
        constraints = [
            models.UniqueConstraint(
                fields=["market", "task"],
                condition=Q(status__in=["queued", "running"]),
                name="backtest_no_open_twin",
            ),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="backtest_window"),
        ]
        indexes = [models.Index(fields=["status", "heartbeat_at"], name="backtest_by_heartbeat")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.task} {self.market_id} {self.status}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def seconds(self) -> float | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()
