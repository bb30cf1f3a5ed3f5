"""Texts for people where no translations are known (venues know no Django): English that can still
be told in another language, since it keeps what it was made of."""

from __future__ import annotations

from typing import Any


class Text(str):
    """The English text; `template` (the key of its translations) and `values` make it again."""

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Text:
        made = super().__new__(cls, template % values if values else template)
        made.template, made.values = template, values
        return made
