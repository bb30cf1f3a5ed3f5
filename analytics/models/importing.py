"""Imports of files that staff sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from analytics.models.run import Run


class ImportRun(Run):
    """One request to import the file `upload` of HOME/uploads, read as `options` say. Imports are
    idempotent: one that was killed is simply done again."""

    upload = models.CharField(_("upload"), max_length=64)
    name = models.CharField(_("file"), max_length=200)
    size = models.PositiveBigIntegerField(_("size (bytes)"), default=0)
    options = models.JSONField(_("options"), default=dict, blank=True)
    language = models.CharField(_("language"), max_length=16, default="en")
    progress = models.FloatField(_("progress"), default=0.0, help_text=_("Share done, 0 to 1."))
    done = models.PositiveBigIntegerField(_("rows so far"), default=0)
    report = models.JSONField(
        _("report"),
        default=dict,
        blank=True,
        help_text=_("Counts, reasons of rejects, decisions, markets."),
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            models.UniqueConstraint(
                fields=["upload"],
                condition=Q(status__in=["queued", "running"]),
                name="import_no_open_twin",
            )
        ]
        indexes = [models.Index(fields=["status", "heartbeat_at"], name="import_by_heartbeat")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.name} {self.get_status_display()}"
