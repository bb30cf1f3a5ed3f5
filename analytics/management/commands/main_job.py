"""From quotes to answers: what `make demo` and `make run` do."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand
from analytics.management.progress import follow
from analytics.management.summary import print_summary
from analytics.models import Market
from analytics.services import main_job
from analytics.services.accounts import admin_ensure
from analytics.services.prices.importing import price_import
from analytics.services.prices.simulation import price_simulate


class Command(FaceCommand):
    help = "Migrate, import (or simulate), train four models through the worker, answer, sum up."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", action="append", default=[], help="File of quotes.")
        parser.add_argument("--if-needed", action="store_true", help="Train only what is missing.")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        call_command("migrate", verbosity=0, interactive=False)
        account = admin_ensure()
        if account:
            self.stdout.write(account)
        migrated = time.perf_counter() - started
        symbols = self._load(options["data"])
        outcome = main_job.Outcome(market=main_job.main_market(symbols))
        outcome.seconds["migrate"] = migrated
        outcome.seconds["import"] = time.perf_counter() - started - migrated
        if options["if_needed"] and main_job.is_done(outcome.market):
            self.stdout.write(_("%(m)s is trained already.") % {"m": outcome.market.symbol})
            return
        with outcome.step("train"), main_job.worker_running() as worker:
            main_job.train_all(outcome)
            follow(main_job.watch(outcome, worker), self.console())
        main_job.answer_all(outcome)
        outcome.seconds["total"] = time.perf_counter() - started
        models = main_job.market_models(outcome.market)
        print_summary(self.console(), outcome, models)
        if not models:
            raise CommandError(_("Nothing could be trained."))

    def _load(self, files: list[str]) -> list[str]:
        """Import the files; without any, simulate a market unless there is one already."""
        if not files:
            if not Market.objects.exists():
                made = price_simulate()
                self.stdout.write(_("Simulated market: %(m)s.") % {"m": made.symbol})
                return [made.symbol]
            return []
        symbols: list[str] = []
        for name in files:
            report = price_import(path=name)
            symbols += report.markets
            self.stdout.write(
                _("%(file)s: %(new)s new quotes, %(same)s known, %(bad)s rejected.")
                % {
                    "file": name,
                    "new": report.new,
                    "same": report.unchanged + report.updated,
                    "bad": report.rejected,
                }
            )
        return symbols
