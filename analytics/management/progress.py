"""How far many runs are, in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from analytics.models.run import Run


class RunsBar:
    """A progress bar as a context; what it gives looks the runs up, and shows how many have ended
    and how many are at work."""

    def __init__(self, console: Console, every: QuerySet[Any], runs: Sequence[Run]) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[now]}"))
        self.bars = Progress(*columns, TimeElapsedColumn(), console=console)
        self.runs = every.filter(pk__in=[run.pk for run in runs])
        self.total = len(runs)

    def __enter__(self) -> Callable[[], None]:
        self.bars.start()
        bar = self.bars.add_task("", total=self.total, now="")

        def show() -> None:
            ended = self.runs.exclude(status__in=Run.OPEN).count()
            running = self.runs.filter(status=Run.Status.RUNNING).count()
            now = _("%(ended)s of %(total)s done, %(running)s at work")
            counts = {"ended": ended, "total": self.total, "running": running}
            self.bars.update(bar, completed=ended, now=now % counts)

        return show

    def __exit__(self, *error: object) -> None:
        self.bars.stop()
