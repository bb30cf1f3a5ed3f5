"""Say what a market's quotes are like."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analytics.management.base import FaceCommand, add_market, moment
from analytics.management.tables import audit_table
from analytics.selectors.prices import market_get
from analytics.services.prices.auditing import data_audit


class Command(FaceCommand):
    help = "Audit a market's quotes: gaps, staleness, crossed and one-sided rows, jumps, seasons."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_market(parser)
        parser.add_argument("--until", type=moment, help="Look at nothing later than this (UTC).")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = data_audit(market=market_get(options["market"]), until=options["until"])
        if options["json"]:
            self.print_json(answer)
        else:
            self.console().print(audit_table(answer))
