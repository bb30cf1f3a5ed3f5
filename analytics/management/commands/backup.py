"""The whole server into one file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand
from analytics.services.backups.backup import backup_make


class Command(FaceCommand):
    help = "Write the database and the artifacts into one file; the server may run meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="Replace a file that is there.")

    def handle(self, *args: Any, **options: Any) -> None:
        made = backup_make(path=options["file"], force=options["force"])
        line = _("%(path)s: %(rows)s rows, %(folders)s folders, %(bytes)s bytes.")
        self.stdout.write(line % made)
        for name in made["missing"]:
            self.stderr.write(_("Not there, and not in the backup: %(name)s") % {"name": name})
