"""Figures in plain words."""

from __future__ import annotations

from django.utils.translation import ngettext


def duration(seconds: float | None) -> str:
    """A length of time in its largest sensible unit."""
    if seconds is None:
        return "–"
    seconds = max(seconds, 0.0)  # clocks of two machines differ
    if seconds < 90:
        return ngettext("%(n)d second", "%(n)d seconds", round(seconds)) % {"n": round(seconds)}
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(seconds / 3600)
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = round(seconds / 86400)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
