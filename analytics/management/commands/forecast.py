"""Forecast price and spread of a market, or of several."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError
from django.utils.translation import gettext as _

from analytics.exceptions import AnalyticsError
from analytics.management.base import FaceCommand, moment, refusal
from analytics.management.tables import forecast_table
from analytics.retelling import retold
from analytics.selectors.prices import market_get
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.forecasts.together import Together, forecasts_make


class Command(FaceCommand):
    help = "Forecast the price (or the spread) of one market or of several, with intervals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--market",
            action="append",
            help="e.g. USDT/BOB@binance_p2p; may be repeated, and left out while there is only one",
        )
        parser.add_argument("--task", choices=("price", "spread"), default="price")
        parser.add_argument("--at", type=moment, help="As of this moment (UTC); now by default.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        markets = options["market"] or [None]
        asked = {"task": options["task"], "at": options["at"]}
        if len(markets) > 1:
            self._several(forecasts_make(markets=markets, **asked), as_json=options["json"])
            return
        answer = forecast_make(market=market_get(markets[0]), **asked)
        if options["json"]:
            self.print_json(answer)
        else:
            self.console().print(forecast_table(answer))

    def _several(self, made: Together, *, as_json: bool) -> None:
        """What was made, then why the rest was not, which is an error."""
        if as_json:
            self.print_json({"forecasts": made.forecasts, "failed": _failed(made)})
        else:
            console = self.console()
            for answer in made.forecasts:
                console.print(forecast_table(answer))
        for ref, error in made.failed.items():
            if not isinstance(error, AnalyticsError):
                raise error
            self.stderr.write(f"{ref}: {refusal(error)}")
        if made.failed:
            names = ", ".join(made.failed)
            raise CommandError(_("No forecast of %(names)s.") % {"names": names})


def _failed(made: Together) -> list[dict[str, Any]]:
    """As the API has it."""
    return [
        {
            "market": ref,
            "code": error.code,
            "message": retold(error.message),
            "fields": {name: retold(str(why)) for name, why in error.fields.items()},
            **error.details,
        }
        for ref, error in made.failed.items()
        if isinstance(error, AnalyticsError)
    ]
