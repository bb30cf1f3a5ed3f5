"""Queue a training for every market and task."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from rich.table import Table

from analytics.management.base import FaceCommand
from analytics.models.choices import Task
from analytics.pages.learning import why
from analytics.selectors.prices import market_get
from analytics.services.learning.fanning import Asked, trainings_request
from analytics.words import word


class Command(FaceCommand):
    help = "Queue a training for every market and task; the workers share them out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", help="Only this one; all without.")
        parser.add_argument(
            "--task", action="append", default=[], choices=Task.values, help="As often as wanted."
        )
        parser.add_argument("--family", help="Only the tasks of this model family, by it.")
        parser.add_argument(
            "--stale-only",
            action="store_true",
            help="Only what was never trained, or would be by the retraining policy.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        asked = list(
            trainings_request(
                market=market_get(options["market"]) if options["market"] else None,
                tasks=options["task"],
                family=options["family"],
                stale_only=options["stale_only"],
            )
        )
        self.console().print(_table(asked))
        queued = sum(one.run_id is not None for one in asked)
        counts = {"queued": queued, "other": len(asked) - queued}
        self.stdout.write(_("%(queued)s queued, %(other)s not.") % counts)


def _table(asked: list[Asked]) -> Table:
    table = Table()
    for head in (_("market"), _("task"), _("run"), _("why not")):
        table.add_column(head)
    for one in asked:
        run = "" if one.run_id is None else str(one.run_id)
        reason = one.message or (why(one.code, one.figures) if one.code else "")
        table.add_row(one.market.symbol, word(one.task), run, reason)
    return table
