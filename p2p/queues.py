"""The queue's clusters: django-q2's own settings (analytics.checks insists on them)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

_QUEUE_LIMIT, _BULK = 1, 1


def _pace(timeout: int, workers: int) -> dict[str, int]:
    # A lease starts when a task is pulled and is never renewed: it must outlast whatever the
    # cluster may have pulled before.
    retry = timeout * (-(-(_QUEUE_LIMIT + _BULK) // workers) + 1) + 600
    return {"workers": workers, "timeout": timeout, "retry": retry}


def cluster_settings(*, timeout: int, workers: int) -> dict[str, Any]:
    """Two clusters: `long` for trainings, backtests and imports, `workers` at a time and each no
    longer than `timeout` seconds; and one for what is short and must not wait behind those."""
    return {
        "name": "paralelo",
        "orm": "default",
        "queue_limit": _QUEUE_LIMIT,
        "bulk": _BULK,
        **_pace(timeout=1800, workers=2),
        "max_attempts": 1,
        "ack_failures": True,
        "catch_up": False,
        "poll": 0.5,
        "save_limit": 200,
        "label": _("Task queue"),
        "ALT_CLUSTERS": {"long": _pace(timeout=timeout, workers=workers)},
    }
