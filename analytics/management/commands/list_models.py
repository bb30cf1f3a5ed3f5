"""List trained versions."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analytics.management.base import FaceCommand
from analytics.management.tables import decision_lines, metric_notes, model_table
from analytics.models.choices import Task
from analytics.selectors.models import model_decision, model_list, with_decisions
from analytics.selectors.prices import market_get


class Command(FaceCommand):
    help = "List the trained versions with their metric beside the baseline's."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market")
        parser.add_argument("--task", choices=Task.values)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        models = with_decisions(model_list())
        if options["market"]:
            models = models.filter(market=market_get(options["market"]))
        if options["task"]:
            models = models.filter(task=options["task"])
        if not options["json"]:
            notes = (*metric_notes(models), *decision_lines(models))
            self.console().print(model_table(models), *notes, sep="\n")
            return
        fields = "id task family version status primary_metric score baseline baseline_score"
        rows = [
            {
                "market": m.market.symbol,
                **{f: getattr(m, f) for f in fields.split()},
                "comparison": event.figures if (event := model_decision(m)) else None,
            }
            for m in models
        ]
        self.print_json(rows)
