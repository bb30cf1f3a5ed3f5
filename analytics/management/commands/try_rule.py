"""Try a rule on history."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.management.base import FaceCommand, params_of
from analytics.selectors.alerts import rule_get
from analytics.selectors.prices import market_get
from analytics.services.alerting.trying import DAYS, rule_try


class Command(FaceCommand):
    help = "How often a rule would have fired in the last days; nothing is saved or sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rule", nargs="?", help="name or id of a rule; or give --kind")
        parser.add_argument("--kind", help="level, move, percentile, anomaly, ...")
        parser.add_argument("--market", help="e.g. USDT/BOB@binance_p2p; all by default")
        parser.add_argument("--days", type=int, default=DAYS)
        parser.add_argument("--cooldown", type=int, default=60, help="minutes")
        parser.add_argument(
            "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        market = market_get(options["market"]) if options["market"] else None
        asked: dict[str, Any] = {"days": options["days"], "market": market}
        if options["rule"]:
            rule = rule_get(options["rule"])
            asked |= {
                "kind": rule.kind,
                "params": rule.params,
                "market": market or rule.market,
                "cooldown_minutes": rule.cooldown_minutes,
            }
        else:
            asked |= {
                "kind": options["kind"] or "",
                "params": params_of(options["param"]),
                "cooldown_minutes": options["cooldown"],
            }
        found = rule_try(**asked)
        if options["json"]:
            self.print_json(found)
            return
        self._tell(found)

    def _tell(self, found: dict[str, Any]) -> None:
        if not found["possible"]:
            self.stdout.write(_("This kind cannot be tried on history.") + f" {found['why']}")
            return
        words = ngettext(
            "It would have fired %(n)s time in the last %(days)s days.",
            "It would have fired %(n)s times in the last %(days)s days.",
            found["count"],
        )
        self.stdout.write(words % {"n": found["count"], "days": found["days"]})
        for one in found["fired"]:
            self.stdout.write(f"{one['at']:%Y-%m-%d %H:%M}Z {one['market']} {one['text']}")
        for note in found["notes"]:
            self.stdout.write(note)
