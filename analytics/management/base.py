"""What the commands share: one line and exit 1 for every refusal, times, tables."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from rich.console import Console

from analytics.exceptions import AnalyticsError

TASKS = ("price", "spread", "anomaly", "pattern")


class FaceCommand(BaseCommand):
    """A command that translates: arguments in, a service call, its answer out."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except AnalyticsError as error:
            fields = "; ".join(f"{name}: {why}" for name, why in error.fields.items())
            line = f"{error.message} ({fields})" if fields else error.message
            raise CommandError(" ".join(line.split())) from error

    def console(self) -> Console:
        """Writes to the command's stdout, so that tests and pipes see it."""
        terminal = getattr(self.stdout, "isatty", lambda: False)()
        return Console(
            file=self.stdout._out,
            force_terminal=terminal or None,
            # A pipe has no width of its own: enough for the widest table.
            width=None if terminal else 180,
            highlight=False,
        )

    def print_json(self, answer: Any) -> None:
        self.stdout.write(json.dumps(answer, cls=DjangoJSONEncoder, indent=2, allow_nan=False))


def moment(text: str) -> dt.datetime:
    """An ISO 8601 time or date; without a zone it is UTC. For `type=` of an argument."""
    try:
        parsed = parse_datetime(text)
        if parsed is None:
            day = parse_date(text)
            parsed = dt.datetime(day.year, day.month, day.day) if day else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise CommandError(_("%(text)s is not an ISO 8601 time.") % {"text": repr(text)})
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
