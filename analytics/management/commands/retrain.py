"""Train anew what should be, or say what would be and why."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand
from analytics.pages.learning import decided, decision_line
from analytics.selectors.prices import market_get
from analytics.services.learning.judging import models_judge
from analytics.services.learning.retraining import models_retrain


class Command(FaceCommand):
    help = "Queue the trainings that the retraining policy asks for; the schedule does so too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", help="Only this one; all without.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")
        parser.add_argument("--judge", action="store_true", help="Look for drift first.")

    def handle(self, *args: Any, **options: Any) -> None:
        market = market_get(options["market"]) if options["market"] else None
        if options["judge"]:
            models_judge(market=market)
        found = models_retrain(market=market, dry_run=options["dry_run"])
        for one in found:
            said = decided(one.action, one.code, one.figures)
            self.stdout.write(decision_line(one.market.symbol, one.task, said))
        if not found:
            self.stdout.write(_("There is no version yet: the first training is yours to ask for."))
