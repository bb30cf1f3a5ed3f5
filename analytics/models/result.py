"""What the recogniser named."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models.choices import Source
from analytics.models.market import Market
from analytics.models.training import TrainedModel
from analytics.moments import moment
from analytics.words import word


class PatternResult(models.Model):
    """The regime that a version recognised at one moment."""

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="patterns", db_index=False
    )
    model = models.ForeignKey(
        TrainedModel, models.CASCADE, verbose_name=_("model"), related_name="patterns"
    )
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
    notes = models.JSONField(_("notes"), default=list, blank=True)
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
        return f"{word(self.label)} {moment(self.as_of)}"
