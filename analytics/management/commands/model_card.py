"""Print a version's model card."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analytics.management.base import FaceCommand
from analytics.pages import cards
from analytics.selectors.models import model_get
from analytics.services.registry.cards import model_card


class Command(FaceCommand):
    help = "The model card of a version: data, figures, calibration, comparison, limits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", type=int, help="Id of the version (list_models).")
        parser.add_argument("--json", action="store_true", help="The facts instead of Markdown.")

    def handle(self, *args: Any, **options: Any) -> None:
        card = model_card(model_get(options["model"]))
        if options["json"]:
            self.print_json(card)
        else:
            self.stdout.write(cards.markdown(card), ending="")
