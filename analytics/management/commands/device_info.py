"""Say on what this machine computes."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analytics.management.base import FaceCommand
from analytics.services.device import device_here, device_report


class Command(FaceCommand):
    help = "Show the device, its memory, threads and the optimisations that are active."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["json"]:
            self.print_json(device_here())
        else:
            device_report()
