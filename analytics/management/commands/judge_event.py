"""Say whether an anomaly event was a true or a false alarm."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from analytics.management.base import FaceCommand
from analytics.services.anomalies.feedback import FEEDBACK_WORDS, event_get, event_judge


class Command(FaceCommand):
    help = "Say of an anomaly event that it was a true or a false alarm, or take that back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("event", type=int, help="Id of the event (detect_anomalies shows it).")
        parser.add_argument("feedback", choices=[word for word in FEEDBACK_WORDS if word])
        parser.add_argument("--note", default="", help="Why; kept with the event.")
        parser.add_argument("--by", help="Account in whose name it is said.")

    def handle(self, *args: Any, **options: Any) -> None:
        by = _account(options["by"])
        event = event_judge(
            event=event_get(options["event"]),
            feedback=options["feedback"],
            note=options["note"],
            by=by,
        )
        self.stdout.write(
            _("Event %(id)s of %(market)s: %(feedback)s.")
            % {
                "id": event.pk,
                "market": event.market.symbol,
                "feedback": event.get_feedback_display(),
            }
        )


def _account(name: str | None) -> Any:
    if name is None:
        return None
    user = get_user_model().objects.filter(username=name).first()
    if user is None:
        raise CommandError(_("There is no account %(name)s.") % {"name": repr(name)})
    return user
