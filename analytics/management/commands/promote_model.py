"""Decide which version answers."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from analytics.exceptions import Conflict
from analytics.management.base import FaceCommand
from analytics.management.tables import decision_table
from analytics.models import TrainedModel
from analytics.models.choices import Task
from analytics.pages.models import comparison_rows
from analytics.selectors.models import model_decision, model_get
from analytics.selectors.prices import market_get
from analytics.services.registry.promotion import model_promote, model_retire, model_rollback


class Command(FaceCommand):
    help = "Promote a version (by its id), retire it, or roll a market's task back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", nargs="?", type=int, help="Id of the version (list_models).")
        parser.add_argument("--retire", action="store_true", help="Retire it instead.")
        parser.add_argument("--rollback", choices=Task.values, help="Back to the version before.")
        parser.add_argument("--market", help="For --rollback.")
        parser.add_argument("--force", action="store_true", help="Although it is not better.")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        model = self._decide(options)
        event = model_decision(model)
        if event is not None and not options["retire"] and not options["rollback"]:
            self.console().print(decision_table(event, str(model)))
        self.stdout.write(f"{model.market.symbol} {model.task}: {model} is {model.status}.")

    def _decide(self, options: dict[str, Any]) -> TrainedModel:
        if options["rollback"]:
            market = market_get(options["market"])
            return model_rollback(market=market, task=options["rollback"], reason=options["reason"])
        if options["model"] is None:
            raise CommandError(_("Name a version by its id, or use --rollback."))
        model = model_get(options["model"])
        if options["retire"]:
            return model_retire(model=model, reason=options["reason"])
        try:
            return model_promote(model=model, reason=options["reason"], force=options["force"])
        except Conflict as refusal:
            for label, text in comparison_rows(refusal.details.get("figures") or {}, str(model)):
                self.stderr.write(f"{label}: {text}")
            raise
