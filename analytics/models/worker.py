"""Signs of life of the worker, written by its supervisor (django-q2's own statistics live in a
cache that the web process does not share)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class WorkerHeartbeat(models.Model):
    """One row per supervised cluster."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    cluster = models.CharField(_("cluster"), max_length=40, blank=True)
    pid = models.PositiveIntegerField(_("process"))
    started_at = models.DateTimeField(_("started at"))
    seen_at = models.DateTimeField(_("last seen"))
    answered_at = models.DateTimeField(_("last task answered"), null=True, blank=True)
    restarts = models.PositiveIntegerField(_("restarts"), default=0)
    restarted_at = models.DateTimeField(_("restarted at"), null=True, blank=True)
    restart_reason = models.CharField(_("why"), max_length=200, blank=True)
    device = models.JSONField(_("device"), default=dict, blank=True)

    class Meta:
        ordering = ["-seen_at"]
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return self.name
