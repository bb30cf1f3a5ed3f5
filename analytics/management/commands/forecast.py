"""Forecast price and spread of a market."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analytics.management.base import FaceCommand, add_market, moment
from analytics.management.tables import forecast_table
from analytics.selectors.prices import market_get
from analytics.services.forecasts.prediction import forecast_make


class Command(FaceCommand):
    help = "Forecast the price (and the spread) of a market, with intervals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_market(parser)
        parser.add_argument("--task", choices=("price", "spread"), default="price")
        parser.add_argument("--at", type=moment, help="As of this moment (UTC); now by default.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        market = market_get(options["market"])
        answer = forecast_make(task=options["task"], market=market, at=options["at"])
        if options["json"]:
            self.print_json(answer)
        else:
            self.console().print(forecast_table(answer))
