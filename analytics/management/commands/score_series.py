"""Score every row of a series file: quotes, candles or plain values."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from analytics.management.base import FaceCommand, moment
from analytics.management.reading import add_reading, reading_of
from analytics.services.anomalies.scoring import series_score


class Command(FaceCommand):
    help = (
        "Score every row of a file of quotes, candles or timestamp,value, each from the rows up to "
        "its own, and say where an alarm would have been raised. Needs no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="Any file of quotes.")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="csv or csv.gz")
        parser.add_argument(
            "--train-until",
            type=moment,
            metavar="T",
            help="Learn from the rows before T and score all (UTC); without it the file is scored "
            "online: a warm-up of 15 %%, then row by row, learning on the way.",
        )
        parser.add_argument(
            "--alarm-rate", default="1/week", metavar="N/PERIOD", help="e.g. 1/week, 2/week, 1/day"
        )
        parser.add_argument("--seed", type=int, default=0, metavar="N")
        add_reading(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        try:
            with Progress(*columns, console=self.console()) as bars:
                bar = bars.add_task(_("reading"), total=None)

                def show(progress: Any) -> bool:
                    total = progress.epochs or None
                    bars.update(
                        bar, description=progress.stage, completed=progress.epoch, total=total
                    )
                    return True

                done = series_score(
                    path=options["file"],
                    out=options["out"],
                    train_until=options["train_until"],
                    alarm_rate=options["alarm_rate"],
                    seed=options["seed"],
                    reading=reading_of(options, needs_market=False, needs_price=False),
                    on_progress=show,
                )
        except KeyboardInterrupt as stop:
            raise CommandError(_("Stopped; nothing was written."), returncode=130) from stop
        self.stdout.write(
            _("%(rows)s rows scored, %(events)s alarms raised: %(out)s")
            % {"rows": done.rows, "events": done.events, "out": options["out"]}
        )
        for line in done.decisions:
            self.stdout.write(f"  {line}")
