"""Collect quotes from marketplaces."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand
from analytics.selectors.collection import source_list
from analytics.services.collection.loop import collect_once, collect_until
from analytics.services.collection.rounds import Round, source_try
from analytics.services.collection.sources import source_for
from analytics.venue_words import reason


class Command(FaceCommand):
    help = "Collect from every source that is switched on, until Ctrl-C; the worker does so too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--market", help="only this one (ASSET/FIAT@exchange), even if it is switched off"
        )
        parser.add_argument("--once", action="store_true", help="one round: what is due now")
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be stored; store nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            self._try(options["market"])
            return
        if options["once"]:
            failed = self._tell(collect_once(market=options["market"]))
            if failed:
                raise CommandError(_("%(n)s readings failed.") % {"n": failed})
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        for found in collect_until(stop, market=options["market"]):
            self._tell(found)

    def _try(self, ref: str | None) -> None:
        switched_on = source_list().filter(enabled=True)
        sources = [source_for(ref, keep=False)] if ref else list(switched_on)
        if not sources:
            raise CommandError(_("No source is switched on; name one with --market."))
        self.print_json([source_try(source=source) for source in sources])

    def _tell(self, found: Round) -> int:
        """A line per market; answers how many failed."""
        at = f"{timezone.now():%Y-%m-%d %H:%M:%S}Z"
        for (_pk, symbol), code in found.done.items():
            word = f"{code}: {reason(code)}" if code else _("stored")
            self.stdout.write(f"{at} {symbol} {word}")
        for symbol in found.skipped:
            self.stdout.write(f"{at} {symbol} " + _("is being read by another process"))
        if not (found.done or found.skipped):
            self.stdout.write(_("Nothing is due."))
        return sum(bool(code) for code in found.done.values())
