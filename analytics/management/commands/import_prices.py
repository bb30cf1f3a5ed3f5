"""Import files of quotes."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from analytics.management.base import FaceCommand
from analytics.services.prices.importing import ImportReport, price_import


class Command(FaceCommand):
    help = "Import quotes, candles or plain values from csv, csv.gz or parquet; safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument(
            "--market", help="ASSET/FIAT@exchange, for files that do not name their market."
        )
        parser.add_argument(
            "--rejects", metavar="DIR", type=Path, help="Where bad rows go; the logs by default."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = self.console()
        for path in options["files"]:
            report = _import(path, options["market"], options["rejects"], console)
            self.stdout.write(_summary(path, report))


def _import(path: Path, market: str | None, rejects: Path | None, console: Console) -> ImportReport:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    hidden = not console.is_terminal
    with Progress(*columns, console=console, disable=hidden, transient=True) as bars:
        bar = bars.add_task(path.name, total=None)
        return price_import(
            path=path,
            market=market,
            rejects_dir=rejects,
            on_progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )


def _summary(path: Path, report: ImportReport) -> str:
    line = _(
        "%(file)s: %(read)s rows read, %(new)s new, %(updated)s updated, %(unchanged)s unchanged, "
        "%(merged)s merged, %(rejected)s rejected in %(seconds).1f s (%(markets)s)"
    ) % {
        "file": path.name,
        "read": report.read,
        "new": report.new,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "merged": report.merged,
        "rejected": report.rejected,
        "seconds": report.seconds,
        "markets": ", ".join(report.markets) or "-",
    }
    where = _(" Rejects: %(path)s") % {"path": report.rejects_path} if report.rejects_path else ""
    return f"{line}.{where}"
