"""Workers as they reported themselves, and the panel above the index."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import OwnedAdmin, pretty
from analytics.models import WorkerHeartbeat


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(OwnedAdmin):
    list_display = ["name", "pid", "started_at", "seen_at", "answered_at", "restarts"]
    fields = [*list_display, "device_report"]

    @admin.display(description=_("device"))
    def device_report(self, worker: WorkerHeartbeat) -> SafeString:
        return pretty(worker.device)
