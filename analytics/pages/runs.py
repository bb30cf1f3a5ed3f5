"""What is running: training runs, workers and the devices they compute on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from analytics.models import TrainingRun
from analytics.pages.charts import Chart, Line, Mark, Panel, Strip, Table, digits, figures
from analytics.pages.numbers import duration, is_finite
from analytics.words import stage


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
        "stage": stage(row.stage),
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


def loss_chart(name: str, losses: Sequence[Sequence[Any]]) -> Chart | None:
    """Training and validation loss per epoch, as the run stores them: [stage, train, valid]. A new
    stage begins a new line; the strip names it. None where nothing is known yet."""
    rows = [[*row, None, None][:3] for row in losses]
    if not any(is_finite(value) for row in rows for value in row[1:]):
        return None
    starts = [n for n, row in enumerate(rows) if n and row[0] != rows[n - 1][0]]
    # A row of nothing before each later stage, where the lines break.
    placed = [(n + 1.0, row[1], row[2]) for n, row in enumerate(rows)]
    placed = sorted([*placed, *((n + 0.5, None, None) for n in starts)], key=lambda row: row[0])
    x, train, valid = zip(*placed, strict=True)
    gaps = [n for n, row in enumerate(placed) if row[0] % 1]
    table = Table(
        x=x, columns={"train": train, "valid": valid}, breaks={"train": gaps, "valid": gaps}
    )
    named = {"train": _("training"), "valid": _("validation")}
    stages = [
        Mark(start=a + 0.5, end=b + 0.5, label=stage(str(rows[a][0])), color=("soft", "fan")[n % 2])
        for n, (a, b) in enumerate(pairwise([0, *starts, len(rows)]))
    ]
    panel = Panel(
        title=_("Loss"),
        lines=[
            Line(column="train", label=named["train"]),
            Line(column="valid", label=named["valid"], kind="dash", color="warn"),
        ],
        strips=[Strip(label=_("Stage"), parts=stages)],
        digits=digits([*train, *valid]),
    )
    return Chart(
        id=name,
        title=_("Loss per epoch"),
        tables=[table],
        panels=[panel],
        time=False,
        extent=(0.5, len(rows) + 0.5),
        figures=figures(table, named, x=_("Epoch"), write=lambda at: f"{at:.0f}"),
    )
