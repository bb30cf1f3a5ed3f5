"""What the commands share: one line and exit 1 for every refusal, times, tables."""

from __future__ import annotations

import datetime as dt
import json
import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from rich.console import Console

from analytics.exceptions import AnalyticsError
from analytics.retelling import retold
from analytics.services.failures import failure_of


class FaceCommand(BaseCommand):
    """A command that translates: arguments in, a service call, its answer out."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except AnalyticsError as error:
            raise refusal(error) from error
        except (OSError, DatabaseError, MemoryError) as error:
            # The machine's own failures; `--traceback` shows where.
            raise refusal(failure_of(error) or AnalyticsError(error)) from error

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


def refusal(error: AnalyticsError) -> CommandError:
    """What a command says of it, on one line."""
    # Venues know no translations: what they refuse comes in English.
    fields = "; ".join(f"{name}: {retold(str(why))}" for name, why in error.fields.items())
    message = retold(error.message)
    line = f"{message} ({fields})" if fields else message
    return CommandError(" ".join(line.split()))


def add_market(parser: ArgumentParser) -> None:
    """--market, which may be left out while there is only one."""
    parser.add_argument("--market", help="e.g. USDT/BOB@binance_p2p; optional while only one")


def add_params(parser: ArgumentParser, help: str) -> None:
    """--param NAME=VALUE, as often as wanted; `params_of` reads them."""
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help=help)


def params_of(pairs: list[str]) -> dict[str, Any]:
    """The parameters of a family; raises CommandError where one is not NAME=VALUE."""
    params = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise CommandError(_("--param takes NAME=VALUE, not %(pair)s.") % {"pair": repr(pair)})
        params[name.replace("-", "_")] = value
    return params


def end_on_terminate() -> None:
    """Let SIGTERM unwind the stack, so that a run is closed by whoever works on it."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(signum: int, frame: Any) -> None:
    raise SystemExit(128 + signum)


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
