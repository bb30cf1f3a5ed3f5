"""Simulate a market."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand, moment
from analytics.services.prices.simulation import DEFAULT_MARKET, price_simulate, simulation_write


class Command(FaceCommand):
    help = "Simulate the quotes of a market into the database, or with --out into a csv file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", default=DEFAULT_MARKET, help="ASSET/FIAT@exchange")
        parser.add_argument("--days", type=int, default=180)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--start", type=moment, help="First moment (UTC); ends now if absent.")
        parser.add_argument("--anomalies", action="store_true", help="Plant some anomalies.")
        parser.add_argument("--out", type=Path, metavar="FILE", help="Write a csv (or csv.gz).")
        parser.add_argument("--labels", type=Path, metavar="FILE", help="Planted anomalies as csv.")

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("market", "days", "seed", "start", "anomalies")
        wanted = {name: options[name] for name in names}
        if options["out"] is not None:
            rows = simulation_write(out=options["out"], labels=options["labels"], **wanted)
            self.stdout.write(
                _("%(rows)s quotes written to %(file)s.") % {"rows": rows, "file": options["out"]}
            )
        elif options["labels"] is not None:
            raise CommandError(_("--labels goes with --out."))
        else:
            market = price_simulate(**wanted)
            self.stdout.write(_("Simulated market: %(m)s.") % {"m": market.symbol})
