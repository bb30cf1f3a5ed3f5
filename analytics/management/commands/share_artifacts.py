"""Put this host's artifacts into the storage for all hosts."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand
from analytics.services.registry.sharing import artifacts_share


class Command(FaceCommand):
    help = "Put what this host has into the storage for all hosts; once, on each, after naming one."

    def handle(self, *args: Any, **options: Any) -> None:
        shared, versions = artifacts_share()
        for name in shared:
            self.stdout.write(name)
        line = _("%(n)s of %(all)s versions were put into the storage.")
        self.stdout.write(line % {"n": len(shared), "all": versions})
