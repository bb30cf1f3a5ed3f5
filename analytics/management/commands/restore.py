"""A backup back into this server."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand, end_on_terminate
from analytics.services.backups.restore import backup_restore


class Command(FaceCommand):
    help = "Replace the database and the artifacts by those of a backup; all of it or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="Replace what is here.")

    def handle(self, *args: Any, **options: Any) -> None:
        end_on_terminate()
        done = backup_restore(path=options["file"], force=options["force"])
        self.stdout.write(_("Restored: %(rows)s rows, %(folders)s folders.") % done)
        for name in done["missing"]:
            self.stderr.write(
                _("It was missing when the backup was made: %(name)s") % {"name": name}
            )
