"""Audit trail of quotes that were taken away."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models.market import Market
from analytics.moments import moment


class PriceDeletion(models.Model):
    """Who deleted which quotes of a market, when, and how many. It outlives its market."""

    market = models.ForeignKey(
        Market,
        models.SET_NULL,
        verbose_name=_("market"),
        null=True,
        blank=True,
        related_name="price_deletions",
    )
    label = models.CharField(_("market"), max_length=100)
    start = models.DateTimeField(_("from"), null=True, help_text=_("As asked; empty is open."))
    end = models.DateTimeField(_("to"), null=True, help_text=_("As asked; empty is open."))
    first = models.DateTimeField(_("first quote"))
    last = models.DateTimeField(_("last quote"))
    rows = models.PositiveBigIntegerField(_("quotes deleted"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("by"),
        null=True,
        blank=True,
        related_name="+",
    )
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("deletion of quotes")
        verbose_name_plural = _("deletions of quotes")

    def __str__(self) -> str:
        return f"{self.label} {moment(self.first)} – {moment(self.last)}"
