"""Stored forecasts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models.choices import Source, Task
from analytics.models.market import Market
from analytics.models.training import TrainedModel
from analytics.moments import moment


class Forecast(models.Model):
    """What a version, or the baseline it failed to beat, said at one moment about the next ones."""

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="forecasts", db_index=False
    )
    model = models.ForeignKey(
        TrainedModel, models.CASCADE, verbose_name=_("model"), related_name="forecasts"
    )
    source = models.CharField(_("source"), max_length=16, choices=Source)
    name = models.CharField(_("answered by"), max_length=60)
    task = models.CharField(_("task"), max_length=16, choices=Task)
    as_of = models.DateTimeField(_("as of"))
    generated_at = models.DateTimeField(_("generated at"), auto_now_add=True)
    stale = models.BooleanField(_("stale"), default=False)
    unit = models.CharField(_("unit"), max_length=16)
    last_value = models.FloatField(_("last value"))
    horizons = models.JSONField(
        _("horizons"), help_text=_("[{steps, minutes, at, value, quantiles}], nearest first.")
    )
    novelty = models.FloatField(
        _("novelty"),
        null=True,
        blank=True,
        help_text=_(
            "How far the input lies from the training data: 1 is its edge, beyond 1.25 intervals "
            "widen. Unknown where the baseline answers."
        ),
    )
    notes = models.JSONField(_("notes"), default=list, blank=True)

    class Meta:
        ordering = ["-as_of", "-id"]
        verbose_name = _("forecast")
        verbose_name_plural = _("forecasts")
        constraints = [
            models.UniqueConstraint(
                fields=["model", "source", "as_of"], name="forecast_once_per_moment"
            )
        ]
        indexes = [models.Index(fields=["market", "task", "-as_of"], name="forecast_latest")]

    def __str__(self) -> str:
        return f"{self.get_task_display()} {moment(self.as_of)}"
