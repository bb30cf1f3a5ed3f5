"""All quotes of a market in one answer that is written while it is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import orjson
from django.http import StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from analytics.api.fields import Input, Moment
from analytics.api.inputs import read_query
from analytics.api.renderers import CSVRenderer, JSONLinesRenderer
from analytics.api.schema import documented, query_of
from analytics.api.tables import csv_lines
from analytics.api.views import ReadResource
from analytics.models import Market, PriceHistory
from analytics.selectors.frames import price_chunks

COLUMNS = ("market", "timestamp", *(column.name for column in PriceHistory.SCHEMA))
_FORMATS = {one.format: one for one in (CSVRenderer, JSONLinesRenderer)}


class ExportInput(Input):
    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` is no name that Python lets a class body use.
        return {
            "from": Moment(required=False, help_text="Quotes from this moment on."),
            "to": Moment(required=False, help_text="Quotes up to this moment, it included."),
        }


class ExportAction(ReadResource):
    """Of the market's viewset."""

    @property
    def renderer_classes(self) -> list[type]:
        return [*_FORMATS.values()] if self.action == "export" else super().renderer_classes

    @documented(
        "All quotes of a market, oldest first, streamed",
        OpenApiTypes.STR,
        status=(200, *(one.media_type for one in _FORMATS.values())),
        parameters=[
            *query_of(ExportInput),
            OpenApiParameter(
                "format",
                OpenApiTypes.STR,
                enum=list(_FORMATS),
                description="csv (a header, then a line per quote) or jsonl (an object per line).",
            ),
        ],
        fails=(400, 404),
    )
    @action(detail=True, methods=["get"], name=_("All quotes"))
    def export(self, request: Request, pk: str) -> StreamingHttpResponse:
        span = read_query(request, ExportInput)
        market = self.get_object()
        form = request.accepted_renderer
        chunks = price_chunks(market, since=span.get("from"), until=span.get("to"))
        write = _csv if form.format == CSVRenderer.format else _json_lines
        answer = StreamingHttpResponse(
            write(market, chunks), content_type=f"{form.media_type}; charset=utf-8"
        )
        name = f"{market.asset}-{market.fiat}-{market.exchange}.{form.format}"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


def _csv(market: Market, chunks: Iterator[list[tuple[Any, ...]]]) -> Iterator[bytes]:
    yield csv_lines([COLUMNS]).encode()
    for chunk in chunks:
        rows = ((market.symbol, _moment(at), *figures) for at, *figures in chunk)
        yield csv_lines(rows).encode()


def _json_lines(market: Market, chunks: Iterator[list[tuple[Any, ...]]]) -> Iterator[bytes]:
    for chunk in chunks:
        rows = (
            dict(zip(COLUMNS, (market.symbol, _moment(at), *figures), strict=True))
            for at, *figures in chunk
        )
        yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _moment(at: dt.datetime) -> str:
    """As in every other answer: ISO 8601 with a Z."""
    return f"{at.replace(tzinfo=None).isoformat()}Z"
