"""Pages of a list."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination, PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import EARLIEST, LATEST

MOST_ROWS = 1000


def _page_size(request: Request, default: int) -> int:
    """DRF takes a wrong page_size for none; a caller who mistyped it should hear so."""
    text = request.query_params.get("page_size")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise ValidationError(
            {"page_size": [_("Must be a number from 1 to %(most)s.") % {"most": MOST_ROWS}]}
        )
    return min(int(text), MOST_ROWS)


def _is_within(moment: dt.datetime) -> bool:
    try:
        return EARLIEST <= moment <= LATEST
    except OverflowError:  # year 1 or 9999, beyond the end in UTC
        return False


class Linked:
    """Says where the neighbouring pages are in a header too (RFC 8288): a table of rows has no
    other place for it."""

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)  # type: ignore[misc]
        found = {name: response.data[key] for name, key in (("next", "next"), ("prev", "previous"))}
        links = [f'<{url}>; rel="{name}"' for name, url in found.items() if url]
        if links:
            response["Link"] = ", ".join(links)
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        # DRF writes the null of OpenAPI 3.0.
        answer = super().get_paginated_response_schema(schema)  # type: ignore[misc]
        for name in ("next", "previous"):
            answer["properties"][name] = {"type": ["string", "null"], "format": "uri"}
        return answer


class Pages(Linked, PageNumberPagination):
    """`?page=` and `?page_size=` (at most 1,000)."""

    page_size_query_param = "page_size"
    max_page_size = MOST_ROWS

    def get_page_size(self, request: Request) -> int:
        return _page_size(request, self.page_size or 100)


class TimeCursor(Linked, CursorPagination):
    """Pages by time for a table too long to count: each page is one step along an index."""

    ordering = "-timestamp"
    page_size_query_param = "page_size"
    max_page_size = MOST_ROWS

    def get_page_size(self, request: Request) -> int:
        return _page_size(request, self.page_size or 100)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Refuses a hand-made position, which the database would answer with an error: what is no
        moment, and moments that no quote has and no database counts to."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                moment = parse_datetime(cursor.position)
            except ValueError:
                moment = None
            if moment is None or not is_aware(moment) or not _is_within(moment):
                raise NotFound(self.invalid_cursor_message)
        return cursor
