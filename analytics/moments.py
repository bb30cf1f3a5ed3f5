"""Moments as people write them: in the zone that is active, which is named."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone


def moment(at: dt.datetime | str) -> str:
    """A moment, or its ISO 8601 text, to the minute in the zone that is active: the reader's on a
    page, UTC elsewhere. The zone is named."""
    at = dt.datetime.fromisoformat(at) if isinstance(at, str) else at
    local = timezone.localtime(at)
    return f"{local:%Y-%m-%d %H:%M} {zone_name(local)}"


def zone_name(at: dt.datetime) -> str:
    """Abbreviation of an aware moment's zone; zones that have none (La Paz is "-04") by their
    distance from UTC."""
    name = at.tzname() or ""
    if name[:1] not in ("+", "-"):
        return name
    hours, minutes = name[1:3].lstrip("0") or "0", name[3:5]
    return f"UTC{name[0]}{hours}" + (f":{minutes}" if minutes.strip("0") else "")
