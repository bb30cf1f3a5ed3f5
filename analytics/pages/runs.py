"""What is running: training runs, workers and the devices they compute on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from analytics.models import TrainingRun
from analytics.pages.charts import Chart, Line, Panel, Table, digits, figures
from analytics.pages.numbers import count, duration, is_finite
from analytics.retelling import retold, retold_label
from analytics.words import stage

#: How the lines of networks are told apart, beside their names.
_LOOKS = [
    (kind, color) for kind in ("line", "dash", "dots") for color in ("line", "warn", "good", "bad")
]


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
    told = (tuple(row["device_rows"]) for row in workers if row["alive"])
    return {
        "alive": status["alive"],
        "workers": workers,
        "devices": list(dict.fromkeys(told)),  # a machine's processes have the same
        "queue_length": "–" if status["queue_length"] is None else status["queue_length"],
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


def other_markets(others: Iterable[Mapping[str, Any]] | None) -> list[tuple[str, str]]:
    """Label and text of what a training learned from beside its own market, where its family does
    so, and of the markets that had nothing to learn from."""
    if others is None:
        return []
    used = [
        _("%(market)s (%(n)s windows)") % {"market": o["market"], "n": count(o["windows"])}
        for o in others
        if o["windows"]
    ]
    rows = [(_("Learned from other markets"), ", ".join(used) or _("none"))]
    idle = [str(o["market"]) for o in others if not o["windows"]]
    return rows + ([(_("Other markets without a usable window"), ", ".join(idle))] if idle else [])


def loss_chart(name: str, losses: Sequence[Sequence[Any]]) -> Chart | None:
    """Training and validation loss by epoch, as the run stores them: [stage, training, validation,
    epoch]; a line in each panel for every network (a member, a fold), from its own first epoch on.
    None where nothing is known yet."""
    curves = _curves(losses)
    if not any(is_finite(v) for pairs in curves.values() for p in pairs.values() for v in p):
        return None
    epochs = sorted({epoch for pairs in curves.values() for epoch in pairs})
    columns, heads, panels = {}, {}, []
    for place, title in enumerate((_("training"), _("validation"))):
        lines = []
        for number, (label, pairs) in enumerate(curves.items()):
            column = f"{('train', 'valid')[place]}{number}"
            columns[column] = [pairs.get(epoch, (None, None))[place] for epoch in epochs]
            heads[column] = f"{label}, {title}"
            kind, color = _LOOKS[number % len(_LOOKS)]
            lines.append(Line(column=column, label=label, kind=kind, color=color))
        values = [v for line in lines for v in columns[line.column]]
        named = _("Loss: %(of)s") % {"of": title}
        panels.append(Panel(title=named, lines=lines, digits=digits(values)))
    table = Table(x=[float(epoch) for epoch in epochs], columns=columns)
    return Chart(
        id=name,
        title=_("Loss per epoch"),
        tables=[table],
        panels=panels,
        time=False,
        extent=(0.5, epochs[-1] + 0.5),
        figures=figures(table, heads, x=_("Epoch"), write=lambda at: f"{at:.0f}"),
    )


def import_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """What an import did, its sentences in the reader's language: they are stored in that of
    whoever sent the file."""
    told = dict(report)
    if "reasons" in told:
        told["reasons"] = [retold(line) for line in told["reasons"]]
    if "decisions" in told:
        told["decisions"] = [_decision(one) for one in told["decisions"]]
    return told


def _decision(one: Mapping[str, Any]) -> dict[str, Any]:
    """Where nothing else can be chosen, and of separators, the product says what there is; else it
    is of the file."""
    ours = one["option"] in (None, "", "delimiter")
    chosen = retold_label(one["chosen"]) if ours else retold(one["chosen"])
    told = {"what": retold_label(one["what"]), "chosen": chosen, "why": retold(one["why"])}
    return {**one, **told}


def _curves(losses: Sequence[Sequence[Any]]) -> dict[str, dict[int, tuple[Any, Any]]]:
    """Name of the network -> epoch -> (training, validation). Runs of earlier releases stored no
    epochs: their rows are counted, so two networks of one name are one curve."""
    curves: dict[str, dict[int, tuple[Any, Any]]] = {}
    for row in losses:
        name, train, valid, epoch = [*row, None, None, None][:4]
        pairs = curves.setdefault(stage(str(name)), {})
        pairs[epoch or len(pairs) + 1] = (train, valid)
    return curves
