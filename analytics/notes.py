"""What `ml` notes beside its answers, in the reader's language.

Notes are English sentences with figures in them. Their forms are a closed set, as its words are;
one that is not known (a version of another release wrote it) stands for itself."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from functools import cache

from django.utils.translation import gettext, gettext_noop

from analytics.moments import moment
from analytics.retelling import retold
from analytics.words import word, written

NOTES = (
    gettext_noop("short history: %(rows)s rows; weekly profiles and scales are left out"),
    gettext_noop("short history: the trailing scales rest on %(rows)s of %(wanted)s rows"),
    gettext_noop("stale: the forecast starts at the last known price"),
    gettext_noop("gap: much of the last window is unknown"),
    gettext_noop("gap: most of the last weeks is unknown; weekly profiles are left out"),
    gettext_noop("there is a gap in the quotes within the last window"),
    gettext_noop(
        "unlike the training data (novelty %(novelty)s): intervals are %(times)s times as wide"
    ),
    gettext_noop(
        "restless: the last days moved more than usual; intervals are %(times)s times as wide"
    ),
    gettext_noop(  # of forecasts stored by version 1 and before
        "restless: the last day moved more than usual; intervals are %(times)s times as wide"
    ),
    gettext_noop("intervals are no narrower than the last value's own moves ask for"),
    gettext_noop("%(columns)s missing: trained with, not in these quotes, and not judged"),
    gettext_noop("no clear pattern"),
    gettext_noop("the baseline answers: no network was asked"),
    gettext_noop(
        "the baseline answers: %(rows)s quotes are fewer than the %(needed)s grid rows that a "
        "network learns from"
    ),
    gettext_noop("the robust baseline answers"),
    gettext_noop(
        "the robust baseline answers: %(rows)s quotes are fewer than the %(needed)s of a network"
    ),
    gettext_noop("the trailing rule answers, not a network"),
    gettext_noop(
        "prices are %(factor)s times as large from %(at)s on (row %(row)s); earlier prices are "
        "rescaled"
    ),
    gettext_noop(
        "prices are %(factor)s times as large from %(at)s on (row %(row)s); a training rescales "
        "what lies before"
    ),
)
#: Places of a note that hold ml's words, with commas between them.
_WORDS = frozenset({"columns"})
#: Those that hold a moment, UTC, and how it is written.
_MOMENTS = {"at": r"\d{4}-\d\d-\d\d \d\d:\d\d"}


def _pattern(place: re.Match[str]) -> str:
    name = place[1] or place[2]
    return f"(?P<{name}>{_MOMENTS.get(name, '.+?')})"


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    place = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")
    return tuple((re.compile(place.sub(_pattern, re.escape(form))), form) for form in NOTES)


def note(text: str) -> str:
    """A note in the reader's language, with a capital at its beginning and a point at its end."""
    for pattern, form in _forms():
        found = pattern.fullmatch(text)
        if found:
            values = {k: _value(k, v) for k, v in found.groupdict().items()}
            text = gettext(form) % values
            break
    else:
        text = retold(text)  # what the product notes itself: an expired version
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def notes(texts: Iterable[str]) -> list[str]:
    """Each of them."""
    return [note(text) for text in texts]


def _value(place: str, value: str) -> str:
    if place in _WORDS:
        return ", ".join(word(one) for one in value.split(", "))
    if place in _MOMENTS:
        return moment(dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC))
    return written(value)
