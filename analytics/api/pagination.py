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

from analytics.api.fields import EARLIEST, LATEST

MOST_ROWS = 1000


def _page_size(request: Request, default: int) -> int:
    """DRF takes a wrong page_size for none; a caller who mistyped it should hear so."""
    text = request.query_params.get("page_size")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise ValidationError({"page_size": [_("Must be a number from 1 to %d.") % MOST_ROWS]})
    return min(int(text), MOST_ROWS)


def _is_within(moment: dt.datetime) -> bool:
    try:
        return EARLIEST <= moment <= LATEST
    except OverflowError:  # year 1 or 9999, beyond the end in UTC
        return False


class Pages(PageNumberPagination):
    """`?page=` and `?page_size=` (at most 1,000)."""

    page_size_query_param = "page_size"
    max_page_size = MOST_ROWS

    def get_page_size(self, request: Request) -> int:
        return _page_size(request, self.page_size or 100)


class TimeCursor(CursorPagination):
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

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        answer = super().get_paginated_response_schema(schema)
        for name in ("next", "previous"):
            answer["properties"][name]["description"] = "Address of that page, or null."
        return answer
