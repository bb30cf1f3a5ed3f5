"""What the detector found and what the recogniser named."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models.choices import Source
from analytics.models.market import Market
from analytics.models.training import TrainedModel


class AnomalyResult(models.Model):
    """One strange row of a market as one version saw it. 0.1 is the calibrated threshold."""

    class Severity(models.TextChoices):
        LOW = "low", _("low")
        MEDIUM = "medium", _("medium")
        HIGH = "high", _("high")
        CRITICAL = "critical", _("critical")

    class Label(models.TextChoices):
        UNLABELLED = "", _("not labelled")
        TRUE = "true", _("true alarm")
        FALSE = "false", _("false alarm")

    market = models.ForeignKey(Market, models.CASCADE, related_name="anomalies", db_index=False)
    model = models.ForeignKey(TrainedModel, models.CASCADE, related_name="anomalies")
    source = models.CharField(_("source"), max_length=16, choices=Source)
    timestamp = models.DateTimeField(_("timestamp"))
    score = models.FloatField(_("score"))
    threshold = models.FloatField(_("threshold"))
    severity = models.CharField(_("severity"), max_length=16, choices=Severity)
    kind = models.CharField(_("kind"), max_length=40)
    text = models.TextField(_("in words"), blank=True)
    expected = models.JSONField(
        _("expected"), default=dict, help_text=_("Per feature: observed, value, lower, upper.")
    )
    contributions = models.JSONField(_("contributions"), default=dict)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    label = models.CharField(
        _("label"), max_length=8, choices=Label, default=Label.UNLABELLED, blank=True
    )

    class Meta:
        ordering = ["-timestamp", "-id"]
        verbose_name = _("anomaly")
        verbose_name_plural = _("anomalies")
        constraints = [
            models.UniqueConstraint(
                fields=["model", "source", "timestamp"], name="anomaly_once_per_moment"
            )
        ]
        indexes = [models.Index(fields=["market", "-timestamp"], name="anomaly_latest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.timestamp:%Y-%m-%d %H:%M}"


class PatternResult(models.Model):
    """The regime that a version recognised at one moment."""

    market = models.ForeignKey(Market, models.CASCADE, related_name="patterns", db_index=False)
    model = models.ForeignKey(TrainedModel, models.CASCADE, related_name="patterns")
    source = models.CharField(_("source"), max_length=16, choices=Source)
    name = models.CharField(_("answered by"), max_length=60)
    as_of = models.DateTimeField(_("as of"))
    label = models.CharField(_("pattern"), max_length=40)
    probability = models.FloatField(_("probability"))
    clear = models.BooleanField(_("clear"), default=True)
    heads = models.JSONField(_("distributions"), default=dict)
    held = models.JSONField(
        _("held names"),
        default=dict,
        blank=True,
        help_text=_("Per aspect: the name that is held, and since when."),
    )
    analogues = models.JSONField(
        _("similar moments"),
        null=True,
        blank=True,
        help_text=_("Past moments that looked alike and what followed them; log moves."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        ordering = ["-as_of", "-id"]
        verbose_name = _("pattern")
        verbose_name_plural = _("patterns")
        constraints = [
            models.UniqueConstraint(
                fields=["model", "source", "as_of"], name="pattern_once_per_moment"
            )
        ]
        indexes = [models.Index(fields=["market", "-as_of"], name="pattern_latest")]

    def __str__(self) -> str:
        return f"{self.label} {self.as_of:%Y-%m-%d %H:%M}"
