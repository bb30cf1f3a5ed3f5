"""Make the schedules of periodic work."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand
from analytics.services.jobs.schedules import schedules_setup


class Command(FaceCommand):
    help = "Make the schedules that are missing; run_worker does so too. Change them in the admin."

    def handle(self, *args: Any, **options: Any) -> None:
        made = schedules_setup()
        line = _("Made: %(names)s.") % {"names": ", ".join(made)} if made else _("All are there.")
        self.stdout.write(line)
