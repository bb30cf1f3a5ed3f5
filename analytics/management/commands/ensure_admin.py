"""Make the first admin account."""

from __future__ import annotations

from typing import Any

from analytics.management.base import FaceCommand
from analytics.services.accounts import admin_ensure


class Command(FaceCommand):
    help = "Make an admin account (its password is printed once), or set PARALELO_ADMIN_PASSWORD."

    def handle(self, *args: Any, **options: Any) -> None:
        made = admin_ensure()
        if made is not None:
            self.stdout.write(made)
