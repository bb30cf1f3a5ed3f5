"""What goes out: JSON that every parser reads, lists as CSV too, pages to browse."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson
from django.forms import Form
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from analytics.api.tables import as_csv
from analytics.exceptions import InvalidInput

#: Moments and whatever else JSON lacks are written by DRF's own encoder.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
#: Line ends to JavaScript, but not to JSON.
_LINE_ENDS = (("\u2028".encode(), b"\\u2028"), ("\u2029".encode(), b"\\u2029"))
_ENCODER = JSONEncoder()
#: Name of the page of an address at which there is nothing.
NOWHERE = gettext_lazy("Unknown address")


class FiniteJSONRenderer(JSONRenderer):
    """NaN and infinity become null: strict JSON knows neither, and DRF would answer 500."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is not None and not self.get_indent(accepted_media_type, renderer_context or {}):
            with suppress(TypeError):  # a number of twenty digits, a key that is no text
                return _quick(data)
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except ValueError:
            # Rare, so only then is the whole answer walked.
            return super().render(finite(data), accepted_media_type, renderer_context)


def _quick(data: Any) -> bytes:
    """The same by orjson, which takes a tenth of the time; raises TypeError."""
    body = orjson.dumps(data, _ENCODER.default, _OPTIONS)
    for plain, escaped in _LINE_ENDS:
        if plain in body:
            body = body.replace(plain, escaped)
    return body


def finite(value: Any) -> Any:
    """The same data with null where a float is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    return value


class BrowsingRenderer(BrowsableAPIRenderer):
    """Pages of the API for people. The library's page leaves out its language, a button's name and
    most translations, and has a main part within the main part, none of it in a block that a
    template could fill."""

    _MENDED = (
        (r"<html>", '<html lang="{language}"{theme}>'),
        (r'class="content-main" role="main"', 'class="content-main"'),
        (r'data-toggle="dropdown" title="', 'data-toggle="dropdown" aria-label="{format}" title="'),
        (r'title="Make an? \w+ request on the [^"]*"', ""),
        (r"(<h4 class=\"text-center\">)Are you sure[^<]*", r"\1{sure}"),
        (r'(data-dismiss="modal">)Cancel<', r"\1{keep}<"),
        (r'(<button class="btn btn-danger">)Delete<', r"\1{delete}<"),
    )

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        page = super().render(data, accepted_media_type, renderer_context)
        words = _words((renderer_context or {})["request"])
        for old, new in self._MENDED:
            page = re.sub(old, new.format(**words), page)
        return page

    def get_breadcrumbs(self, request: Request) -> list[tuple[str, str]]:
        """The way here, without the addresses on it at which there is nothing."""
        steps = super().get_breadcrumbs(request)
        return [step for step in steps if step[0] != NOWHERE or step is steps[-1]]

    def get_description(self, view: Any, status_code: int) -> str:
        """Nothing: docstrings speak to those who read the code."""
        return ""

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Request) -> Any:
        form = super().get_raw_data_form(data, view, method, request)
        if isinstance(form, Form):
            form.fields["_content_type"].label = _("Media type")
            form.fields["_content"].label = _("Content")
        return form


def _words(request: Request) -> dict[str, str]:
    """What the mended parts of a page say."""
    theme = request._request.reader.theme
    return {
        "language": get_language() or "en",
        "theme": f' data-theme="{theme}"' if theme else "",
        "format": _("Format"),
        "sure": _("Delete this for good?"),
        "keep": _("Keep it"),
        "delete": _("Delete"),
    }


class CSVRenderer(BaseRenderer):
    """A list as CSV: a line per row, a column per field, nested ones by dotted names."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        rows = data["results"] if isinstance(data, Mapping) else data
        view = (renderer_context or {})["view"]
        return as_csv(rows, list(view.row_serializer().fields)).encode()


class JSONLinesRenderer(BaseRenderer):
    """A row of JSON per line; only what is streamed is answered so, and it writes itself."""

    media_type = "application/x-ndjson"
    format = "jsonl"
    charset = "utf-8"


#: Formats of rows alone: whatever else there is to say is said in JSON.
ROW_FORMATS = frozenset({CSVRenderer.format, JSONLinesRenderer.format})


class Negotiation(DefaultContentNegotiation):
    """A format that does not exist here is named as such: DRF would say 404."""

    def filter_renderers(self, renderers: list[Any], format: str) -> list[Any]:
        found = [one for one in renderers if one.format == format]
        if not found:
            known = ", ".join(one.format for one in renderers)
            raise InvalidInput(
                _("This is not answered in that format."),
                "unknown_format",
                {"format": _("Unknown; known are %(names)s.") % {"names": known}},
            )
        return found
