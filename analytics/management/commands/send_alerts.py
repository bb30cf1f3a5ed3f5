"""Deliver the alerts that are due."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.management.base import FaceCommand
from analytics.services.alerting import deliver, evaluate


class Command(FaceCommand):
    help = (
        "Deliver the alerts that are due; with --evaluate judge all rules first. The worker does "
        "both every minute; run from cron, this tells that the worker is gone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--evaluate", action="store_true", help="judge all rules first")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["evaluate"]:
            raised = evaluate()
            words = ngettext("%(n)d alert was raised.", "%(n)d alerts were raised.", raised)
            self.stdout.write(words % {"n": raised})
        done = deliver()
        self.stdout.write(
            _("%(sent)d sent, %(failed)d to be tried again, %(dead)d given up.") % vars(done)
        )
