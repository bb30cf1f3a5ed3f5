"""What a person chooses for the pages: checked, and kept with the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.models import Market, Preferences, Theme
from analytics.selectors.preferences import zones

#: What may be chosen; an empty text follows the browser.
CHOICES = ("zone", "language", "theme")


def preferences_checked(values: Mapping[str, str]) -> dict[str, str]:
    """Those of CHOICES that `values` holds. Raises InvalidInput (bad_preferences), by field."""
    chosen = {name: values[name].strip() for name in CHOICES if name in values}
    known = {
        "zone": zones(),
        "language": [code for code, _name in settings.LANGUAGES],
        "theme": Theme.values,
    }
    wrong = [name for name, value in chosen.items() if value and value not in known[name]]
    problems = {name: _("choose one of the list") for name in wrong}
    if problems:
        raise InvalidInput(_("This cannot be chosen."), "bad_preferences", problems)
    return chosen


def preferences_set(*, user: Any, values: Mapping[str, str]) -> dict[str, str]:
    """Keep what was chosen with the account; visitors keep it themselves (in cookies). Answers what
    was kept. Raises as `preferences_checked`."""
    chosen = preferences_checked(values)
    if user.is_authenticated:
        Preferences.objects.update_or_create(user=user, defaults=chosen)
    return chosen


def favourite_set(*, user: Any, market: Market, on: bool) -> None:
    """Mark a market for an account, or take the mark away. Safe to repeat."""
    preferences, _made = Preferences.objects.get_or_create(user=user)
    if on:
        preferences.favourites.add(market)
    else:
        preferences.favourites.remove(market)
