"""Scan a market's history for anomalies."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analytics.management.base import FaceCommand, add_market, moment
from analytics.management.tables import anomaly_table
from analytics.selectors.prices import market_get
from analytics.services.anomalies.scan import MODES, anomaly_scan


class Command(FaceCommand):
    help = "Score a market's history; rows at or above the threshold are anomalies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_market(parser)
        parser.add_argument("--from", dest="start", type=moment, help="30 days before the end.")
        parser.add_argument("--to", dest="end", type=moment, help="The last quote by default.")
        parser.add_argument(
            "--threshold",
            type=float,
            help="0.1 (the default) is one false alarm a week, 0.2 is twice as strange.",
        )
        parser.add_argument("--alarm-rate", metavar="N/TIME", help="In its place: 1/week, 2/day...")
        parser.add_argument(
            "--sensitivity", type=int, help="In its place: 0 to 99; 50 is one false alarm a week."
        )
        parser.add_argument("--mode", choices=MODES, default="entire", help="last: one row only.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = anomaly_scan(
            market=market_get(options["market"]),
            start=options["start"],
            end=options["end"],
            threshold=options["threshold"],
            alarm_rate=options["alarm_rate"],
            sensitivity=options["sensitivity"],
            mode=options["mode"],
        )
        if options["json"]:
            self.print_json(answer)
        else:
            self.console().print(anomaly_table(answer))
