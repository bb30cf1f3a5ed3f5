"""Reads of what a person chose for the pages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from analytics.models import Preferences
from analytics.models.direct import rows_where

#: Cookies: the zone that the browser is in (static/analytics/reader-zone.js keeps it), and what a
#: visitor chose. The language's is Django's own.
BROWSER_ZONE, ZONE, THEME, FAVOURITES = "browser_zone", "zone", "theme", "favourites"


def preferences_get(user: Any) -> Preferences | None:
    """What an account chose; None for visitors and for those who never chose."""
    if not user.is_authenticated:
        return None
    # Every page asks: the compiler of a queryset takes longer than this query.
    return next(iter(rows_where(Preferences, "user_id = %s", [user.pk])), None)


def favourites_of(preferences: Preferences | None) -> set[int]:
    """Ids of the markets that an account marked."""
    if preferences is None:
        return set()
    return set(preferences.favourites.values_list("pk", flat=True))


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Names of time zones that a person may choose: places, and UTC."""
    named = (name for name in available_timezones() if "/" in name)
    places = (name for name in named if not name.startswith(("Etc/", "SystemV/", "US/", "posix/")))
    return ("UTC", *sorted(places))
