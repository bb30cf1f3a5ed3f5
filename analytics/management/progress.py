"""Runs as live lines: bars on a terminal, a line per change elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from analytics.models import TrainingRun


def follow(states: Iterable[list[TrainingRun]], console: Console) -> None:
    """Consume the states of some runs until they are closed, showing each."""
    if console.is_terminal:
        _bars(states, console)
    else:
        _lines(states, console)


def _bars(states: Iterable[list[TrainingRun]], console: Console) -> None:
    columns = (
        TextColumn("{task.fields[name]:<8}"),
        BarColumn(bar_width=30),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        known: dict[int, TaskID] = {}
        for runs in states:
            for run in runs:
                if run.pk not in known:
                    known[run.pk] = bars.add_task("", total=1.0, name=run.task)
                done = 1.0 if not run.is_open else run.progress
                bars.update(known[run.pk], completed=done, description=describe(run))
                if not run.is_open:
                    bars.stop_task(known[run.pk])


def _lines(states: Iterable[list[TrainingRun]], console: Console) -> None:
    said: dict[int, tuple[str, str, int]] = {}
    for runs in states:
        for run in runs:
            tenth = 10 * run.epoch // run.epochs if run.epochs else 0
            now = (run.status, run.stage, tenth)
            if said.get(run.pk) != now:
                said[run.pk] = now
                console.print(f"  {run.task:<8} {describe(run)}")


def describe(run: TrainingRun) -> str:
    """One run in one line."""
    if run.status != TrainingRun.Status.RUNNING:
        took = f" in {run.seconds:.0f} s" if run.seconds is not None else ""
        why = f": {run.error_message}" if run.error_message else ""
        return f"{run.status}{took}{why}"
    parts = [run.stage or run.status]
    if run.epoch:
        parts.append(f"epoch {run.epoch}/{run.epochs}")
    if run.losses:
        _stage, train, valid = run.losses[-1]
        parts += [
            f"loss {v:.4f}" for v in (valid if valid is not None else train,) if v is not None
        ]
    if run.eta_seconds is not None:
        parts.append(f"at most {run.eta_seconds:.0f} s left")
    return ", ".join(parts)
