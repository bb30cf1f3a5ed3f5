"""Import files of quotes."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from analytics.management.base import FaceCommand, end_on_terminate
from analytics.management.reading import add_reading, decision_lines, reading_of
from analytics.management.tables import plain_table
from analytics.models import ImportRun
from analytics.retelling import retold
from analytics.services.jobs.imports import import_execute
from analytics.services.prices.importing import (
    ImportCheck,
    ImportReport,
    price_check,
    price_import,
)
from analytics.services.prices.reading import ReadOptions


class Command(FaceCommand):
    help = (
        "Import files of quotes, candles or plain values (csv, xlsx, json, zip, parquet ...) as "
        "their owner means them; safe to repeat. Where a file leaves open how it is to be read, it "
        "is named with the option that chooses."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", metavar="FILE", type=Path)
        parser.add_argument(
            "--market", help="ASSET/FIAT@exchange, for files that do not name their market."
        )
        parser.add_argument(
            "--rejects", metavar="DIR", type=Path, help="Where bad rows go; the logs by default."
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="Show the first rows as they would be stored and what was decided; store nothing.",
        )
        add_reading(parser)
        parser.add_argument("--run", type=int, help="Execute this queued one (the worker does so).")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["run"] is not None:
            end_on_terminate()
            self._done(import_execute(run_id=options["run"]))
            return
        if not options["files"]:
            raise CommandError(_("These are needed: %(names)s.") % {"names": "FILE"})
        console = self.console()
        how = reading_of(options, market=options["market"])
        poor = []
        for path in options["files"]:
            if options["check"]:
                report: ImportCheck | ImportReport = price_check(path=path, options=how)
                self._show(path, report)
            else:
                report = self._import(path, how, options["rejects"], console)
                self.stdout.write(_summary(path, report))
                self._details(report)
            if not report.enough:
                poor.append(path.name)
        if poor:
            raise CommandError(
                _("Less than half of the rows could be used: %(files)s.")
                % {"files": ", ".join(poor)}
            )

    def _import(
        self, path: Path, options: ReadOptions, rejects: Path | None, console: Console
    ) -> ImportReport:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        hidden, stored = not console.is_terminal, 0
        with Progress(*columns, console=console, disable=hidden, transient=True) as bars:
            bar = bars.add_task(path.name, total=None)

            def note(done: int, total: int | None) -> None:
                nonlocal stored
                stored = done if total is not None else 0  # while reading nobody knows the total
                bars.update(bar, completed=done, total=total)

            try:
                return price_import(
                    path=path, options=options, rejects_dir=rejects, on_progress=note
                )
            except BaseException:  # Ctrl-C too
                if stored:
                    text = _(
                        "%(file)s: its first %(count)s rows are stored; the same import goes on "
                        "after them."
                    )
                    self.stdout.write(text % {"file": path.name, "count": stored})
                raise

    def _done(self, run: ImportRun) -> None:
        line = f"Import {run.pk}: {run.status}. {retold(run.error_message)}".strip()
        if run.status != ImportRun.Status.SUCCEEDED:
            raise CommandError(line)
        self.stdout.write(line)

    def _details(self, report: ImportReport) -> None:
        lines = [_("  created: %(market)s") % {"market": name} for name in report.created]
        lines += decision_lines(report.decisions)
        lines += [f"  {reason}" for reason in report.reasons]
        for line in lines:
            self.stdout.write(line)

    def _show(self, path: Path, check: ImportCheck) -> None:
        self.stdout.write(f"{path.name}:")
        for line in [*decision_lines(check.decisions), *(f"  {line}" for line in check.summary)]:
            self.stdout.write(line)
        shown = check.rows.dropna(axis="columns", how="all")
        rows = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
        title = _("The first rows as they would be stored; nothing was stored")
        self.console().print(plain_table(list(shown.columns), rows, title))


def _cell(value: Any) -> str:
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return "–" if value != value else str(value) if isinstance(value, str) else repr(float(value))


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
    if report.left_out:
        line += _(", %(count)s of other markets left out") % {"count": report.left_out}
    where = _(" Rejects: %(path)s") % {"path": report.rejects_path} if report.rejects_path else ""
    return f"{line}.{where}"
