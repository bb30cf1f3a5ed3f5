"""What is running: training runs, workers and the devices they compute on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from analytics.models import TrainingRun
from analytics.pages.numbers import duration


def panel(
    status: Mapping[str, Any], runs: Iterable[TrainingRun], failed: Iterable[TrainingRun]
) -> dict[str, Any]:
    """The panel of the worker and of what is being trained, for partials/live.html."""
    return {
        "worker": worker(status),
        "runs": [run(row) for row in runs],
        "failed": list(failed),
    }


def run(row: TrainingRun) -> dict[str, Any]:
    """A run in progress. `percent` is whole, for a <progress> element."""
    return {
        "row": row,
        "percent": round(100 * row.progress),
        "eta": duration(row.eta_seconds) if row.eta_seconds is not None else "",
        "cancelling": row.cancel_requested and row.is_open,
    }


def worker(status: Mapping[str, Any]) -> dict[str, Any]:
    """The worker as its heartbeats show it; the device is the one that it reported itself."""
    workers = [
        {**row, "age": duration(row["age_seconds"]), "device_rows": device_rows(row["device"])}
        for row in status["workers"]
    ]
    return {
        "alive": status["alive"],
        "workers": workers,
        "queue_length": status["queue_length"],
        "running": len(status["running"]),
    }


def device_rows(device: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of what is known of a device."""
    if not device:
        return []
    rows = [
        (_("Device"), f"{device.get('type', '?')} ({device.get('name') or '?'})"),
        (_("Threads"), str(device.get("threads") or "–")),
    ]
    if device.get("memory_total"):
        free, total = device.get("memory_free") or 0, device["memory_total"]
        text = _("%(free).1f GB free of %(total).1f GB")
        rows.append((_("GPU memory"), text % {"free": free / 1e9, "total": total / 1e9}))
    else:
        rows.append((_("GPU memory"), _("no GPU")))
    if device.get("optimisations"):
        rows.append((_("Faster inference"), ", ".join(device["optimisations"])))
    return rows
