"""What became of a forecast: each horizon is scored once its moment has passed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models.forecast import Forecast


class ForecastScore(models.Model):
    """One horizon of one forecast against what was quoted at its moment. Errors and CRPS are in
    the forecast's unit; `naive_error` is that of the last value, so that skill can be told."""

    forecast = models.ForeignKey(
        Forecast, models.CASCADE, verbose_name=_("forecast"), related_name="scores", db_index=False
    )
    steps = models.PositiveIntegerField(_("steps"))
    target_at = models.DateTimeField(_("target"), db_index=True)
    actual = models.FloatField(_("actual"))
    error = models.FloatField(_("absolute error"))
    naive_error = models.FloatField(_("absolute error of the last value"))
    crps = models.FloatField(_("CRPS"))
    inside_80 = models.BooleanField(_("inside 80 %"))
    inside_90 = models.BooleanField(_("inside 90 %"))

    class Meta:
        ordering = ["-target_at", "-id"]
        verbose_name = _("forecast score")
        verbose_name_plural = _("forecast scores")
        constraints = [
            models.UniqueConstraint(fields=["forecast", "steps"], name="score_once_per_horizon")
        ]

    def __str__(self) -> str:
        return f"{self.forecast} +{self.steps}"
