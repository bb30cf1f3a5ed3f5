"""The worker panel, for a template that no view of ours renders (the admin's index)."""

from __future__ import annotations

from typing import Any

from django import template

from analytics.pages.runs import panel
from analytics.selectors.dashboard import runs_failed_lately, runs_open
from analytics.services.status import worker_status

register = template.Library()


@register.inclusion_tag("analytics/partials/live.html")
def live_panel() -> dict[str, Any]:
    """Device, worker and training as they stand now."""
    return panel(worker_status(), runs_open(), runs_failed_lately())
