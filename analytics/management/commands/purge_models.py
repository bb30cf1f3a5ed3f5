"""Remove old versions."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from analytics.conf import conf
from analytics.management.base import FaceCommand
from analytics.services.registry.purge import models_purge


class Command(FaceCommand):
    help = "Remove old versions with their results and folders; the active one always stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--keep", type=int, default=conf().KEEP_MODELS)
        parser.add_argument("--dry-run", action="store_true", help="Only say what would go.")

    def handle(self, *args: Any, **options: Any) -> None:
        gone = models_purge(keep=options["keep"], dry_run=options["dry_run"])
        for model in gone:
            self.stdout.write(f"{model['market']} {model['task']} v{model['version']}")
        line = (
            _("%(n)s versions would be removed.")
            if options["dry_run"]
            else _("%(n)s versions removed.")
        )
        self.stdout.write(line % {"n": len(gone)})
