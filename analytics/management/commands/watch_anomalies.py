"""Look at the quotes that are new since the last look."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand
from analytics.selectors.prices import market_get
from analytics.services.anomalies.watch import WatchReport, anomalies_watch, anomaly_watch
from analytics.words import sentence, watch_word, word


class Command(FaceCommand):
    help = "Score the newest quotes of a market (of all by default); raise, extend, close events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", help="e.g. USDT/BOB@binance_p2p; all by default")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["market"]:
            reports = [anomaly_watch(market=market_get(options["market"]))]
        else:
            reports = anomalies_watch()
        for report in reports:
            self.stdout.write(_line(report))
        if not reports:
            self.stdout.write(_("No market has an anomaly model yet."))


def _line(report: WatchReport) -> str:
    line = _("%(market)s: %(state)s, %(rows)s rows scored, %(strange)s strange") % {
        "market": report.market.symbol,
        "state": watch_word(report.state),
        "rows": report.rows,
        "strange": report.strange,
    }
    event = report.open_event
    if event is None:
        return line
    return f"{line}; #{event.pk} {word(event.kind)}: {sentence(event.phrases, event.text)}"
