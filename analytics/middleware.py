"""How the person who asks wants the pages: zone, language, theme, favourites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject, cached_property

from analytics.models import Preferences, Theme
from analytics.selectors.preferences import (
    BROWSER_ZONE,
    FAVOURITES,
    THEME,
    ZONE,
    favourites_of,
    preferences_get,
    zones,
)

#: Number formats by language: what the browser is told. Bolivia and Venezuela write 1.234,5 alike.
LOCALES = {"es": "es-BO", "en": "en"}


@dataclass
class Reader:
    """`zone_by` says who chose the zone: "person", "browser" or nobody yet ("")."""

    zone: str
    zone_by: str
    theme: str
    language: str
    preferences: Preferences | None = None
    marked: set[int] = field(default_factory=set)

    @property
    def locale(self) -> str:
        """How numbers are written, as the browser names it."""
        language = translation.get_language() or settings.LANGUAGE_CODE
        return LOCALES.get(language, language)

    @cached_property
    def favourites(self) -> set[int]:
        """Ids of the marked markets, asked for once."""
        return self.marked | favourites_of(self.preferences)


def reader_of(request: HttpRequest) -> Reader:
    """What the account chose, else the cookies, else nothing."""
    kept = preferences_get(request.user)
    cookies = request.COOKIES
    chosen = kept.zone if kept else cookies.get(ZONE, "")
    browser = cookies.get(BROWSER_ZONE, "")
    asked = ((chosen, "person"), (browser, "browser"))
    zone, by = next((pair for pair in asked if _known(pair[0])), ("UTC", ""))
    theme = kept.theme if kept else cookies.get(THEME, "")
    anonymous = not request.user.is_authenticated
    return Reader(
        zone=zone,
        zone_by=by,
        theme=theme if theme in Theme.values else "",
        language=kept.language if kept else "",
        preferences=kept,
        marked=marked_in(cookies.get(FAVOURITES, "")) if anonymous else set(),
    )


def marked_in(cookie: str) -> set[int]:
    """Ids out of a visitor's cookie: "3.17.20"; what is no id is nothing."""
    return {int(part) for part in cookie[:2000].split(".") if part.isascii() and part.isdigit()}


def _known(zone: str) -> bool:
    """Browsers name zones by old names too (America/Buenos_Aires): whatever opens is fine."""
    if zone in zones():
        return True
    try:
        return bool(zone) and len(zone) < 65 and bool(ZoneInfo(zone))
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False


class ReaderPreferences:
    """Activates zone and language for a page, of the admin too. The API stays in UTC; its pages
    for people ask for the theme."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            request.reader = SimpleLazyObject(lambda: reader_of(request))  # type: ignore[attr-defined]
            return self.get_response(request)
        reader = reader_of(request)
        request.reader = reader  # type: ignore[attr-defined]
        if reader.language:
            translation.activate(reader.language)
            request.LANGUAGE_CODE = reader.language
        with timezone.override(ZoneInfo(reader.zone)):
            return self.get_response(request)
