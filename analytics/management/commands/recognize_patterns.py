"""Name the pattern of a market."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analytics.management.base import FaceCommand, add_market, moment
from analytics.management.tables import pattern_table
from analytics.selectors.prices import market_get
from analytics.services.patterns import pattern_recognize


class Command(FaceCommand):
    help = "Name the regime of the last day, with a probability."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_market(parser)
        parser.add_argument("--at", type=moment, help="As of this moment (UTC); now by default.")
        parser.add_argument("--history", type=int, default=0, help="Steps before it to show too.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = pattern_recognize(
            market=market_get(options["market"]), at=options["at"], history=options["history"]
        )
        if options["json"]:
            self.print_json(answer)
        else:
            self.console().print(pattern_table(answer))
