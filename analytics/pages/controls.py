"""A control of a form, as `partials/control.html` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Control:
    """`choices` (value, text) make a select, without any it is a line of text, `listed` are what it
    suggests; `decided` says what was decided without it, `wrong` what is wrong with its value."""

    name: str
    label: str
    value: str
    choices: Sequence[tuple[str, str]] = ()
    listed: Sequence[str] = ()
    decided: Sequence[str] = ()
    hint: str = ""
    wrong: str = ""
