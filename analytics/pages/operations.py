"""Collecting and the server itself, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.models import MarketSource
from analytics.models.run import Run
from analytics.moments import moment
from analytics.pages.dashboard import freshness
from analytics.pages.numbers import count, duration, number
from analytics.retelling import retold
from analytics.selectors.prices import market_freshness
from analytics.venue_words import reason
from analytics.words import stage, word

#: Kinds of long work by their names in the queue; "" is everything else.
KINDS = {
    "training": gettext_lazy("trainings"),
    "backtest": gettext_lazy("backtests"),
    "import": gettext_lazy("imports"),
    "": gettext_lazy("periodic work"),
}
#: Folders of the server's home.
FOLDERS = {
    "artifacts": gettext_lazy("models"),
    "backtests": gettext_lazy("reports of backtests"),
    "uploads": gettext_lazy("files that were sent"),
    "logs": gettext_lazy("logs"),
    "backups": gettext_lazy("backups"),
}
MARKS = {"succeeded": "good", "failed": "bad", "cancelled": "quiet", "running": "good"}


def kind_name(kind: str) -> str:
    """What a kind of work is called; an unknown one stands for itself."""
    return str(KINDS.get(kind, kind))


def source(row: MarketSource, *, now: dt.datetime) -> dict[str, Any]:
    """A source of quotes: its state as a word, and why its last reading failed."""
    if not row.enabled:
        state, text = "quiet", _("switched off")
    elif row.failures:
        state, text = "bad", _("failing")
    elif row.last_success_at is None:
        state, text = "quiet", _("not read yet")
    else:
        state, text = "good", _("collecting")
    return {
        "row": row,
        "state": state,
        "word": text,
        "fresh": freshness(market_freshness(row.market, now=now)),
        "every": duration(row.interval_seconds),
        "in_a_row": _in_a_row(row.failures) if row.enabled and row.failures else "",
        "error": reason(row.last_error_code) if row.last_error_code else "",
        "reasons": [(reason(one.code), one.count, one.last_at) for one in row.reasons.all()],
    }


def _in_a_row(n: int) -> str:
    return ngettext("%(n)d reading in a row", "%(n)d readings in a row", n) % {"n": n}


def tried(found: Mapping[str, Any]) -> dict[str, Any]:
    """A dry run: what would be stored."""
    figures = [(word(name), number(value)) for name, value in found["quote"].items()]
    ads = found["ads"]
    if ads:
        figures.append((_("ads to buy from, to sell to"), f"{ads['ask']}, {ads['bid']}"))
    return {
        "market": found["market"],
        "at": moment(found["timestamp"]),
        "requests": found["requests"],
        "figures": figures,
    }


def status(found: Mapping[str, Any]) -> dict[str, Any]:
    """The server's figures as labels and texts."""
    disk, backup = found["disk"], found["last_backup"]
    parts = [(_("database"), disk["database"])]
    parts += [(str(FOLDERS.get(name, name)), size) for name, size in disk["parts"]]
    return {
        "facts": [
            (_("Version"), str(found["version"])),
            (_("Database"), {"sqlite": "SQLite"}.get(found["database"], "PostgreSQL")),
            (_("Mode"), _("development") if found["debug"] else _("production")),
            (_("Last backup"), moment(backup["made_at"]) if backup else _("never")),
        ],
        "disk": [(name, "–" if size is None else filesizeformat(size)) for name, size in parts],
        "free": _("%(free)s of %(total)s free")
        % {"free": filesizeformat(disk["free"]), "total": filesizeformat(disk["total"])},
        "queue": [
            [kind_name(one["kind"]), count(one["queued"]), count(one["running"])]
            for one in found["queue"]
        ],
        "queue_heads": [_("Kind"), _("Queued"), _("Running")],
    }


def runs(kind: str, rows: Iterable[Run], logged: Collection[int]) -> dict[str, Any]:
    """The newest runs of a kind; those whose log is kept are `logged`."""
    return {
        "kind": kind,
        "name": kind_name(kind),
        "rows": [
            {
                "row": row,
                "logged": row.pk in logged,
                "mark": MARKS.get(row.status, "quiet"),
                "state": row.get_status_display(),
                "stage": stage(row.stage) if row.is_open else "",
                "took": "" if row.seconds is None else duration(row.seconds),
                "by": str(row.requested_by or "–"),
                "problem": retold(row.error_message) or row.error_code,
            }
            for row in rows
        ],
    }
