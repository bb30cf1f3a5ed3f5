"""Charts as inline SVG: numbers in, markup out. Knows no ORM and no request.

Colours and strokes come from classes in static/analytics/charts.css, so that a strict CSP holds
and dark mode needs no second drawing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from analytics.pages.numbers import is_finite, number

Point = tuple[float, float]
#: Pairs of quantiles that make the bands of a fan, widest first.
BANDS = (("0.05", "0.95"), ("0.1", "0.9"), ("0.25", "0.75"))
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 24
#: Pixels that a span takes at least.
THINNEST = 4.0


@dataclass(frozen=True)
class Span:
    """A stretch of time to mark; `name` is its class."""

    start: dt.datetime
    end: dt.datetime
    name: str
    title: str


@dataclass(frozen=True)
class Frame:
    """Maps data to pixels: x over x0..x1, y over y0..y1, with room for the labels."""

    width: int
    height: int
    x0: float
    x1: float
    y0: float
    y1: float

    @classmethod
    def around(cls, points: Sequence[Point], width: int, height: int) -> Frame:
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        low, high = min(ys), max(ys)
        # A flat line sits in the middle, not on the edge.
        pad = (high - low) * 0.06 or abs(high) * 0.01 or 1.0
        right = max(xs) if max(xs) > min(xs) else min(xs) + 1
        return cls(width, height, min(xs), right, low - pad, high + pad)

    def x(self, value: float) -> float:
        share = (value - self.x0) / (self.x1 - self.x0)
        return round(LEFT + share * (self.width - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.y0) / (self.y1 - self.y0)
        return round(self.height - BOTTOM - share * (self.height - TOP - BOTTOM), 1)

    def path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)


def fan_chart(
    line: Sequence[tuple[dt.datetime, float]],
    as_of: dt.datetime,
    last_value: float,
    horizons: Sequence[Mapping[str, Any]],
    *,
    title: str,
    desc: str = "",
    spans: Sequence[Span] = (),
    width: int = 560,
    height: int = 210,
) -> SafeString:
    """What was quoted lately and, from `as_of` on, the median and the bands of the forecast; behind
    them the `spans` of time that deserve a mark. Empty text where there is nothing to draw."""
    past = [(at.timestamp(), value) for at, value in line if is_finite(value)]
    steps = [(_seconds(h["at"]), h.get("quantiles") or {}, h["value"]) for h in horizons]
    origin = (as_of.timestamp(), last_value)
    median = [origin, *((at, q.get("0.5", value)) for at, q, value in steps)]
    bands = [_band(origin, steps, low, high) for low, high in BANDS]
    every = [*past, *(median if steps else []), *(p for band in bands for p in band)]
    if not every or not all(is_finite(value) for _, value in every):
        return mark_safe("")
    frame = Frame.around(every, width, height)
    parts = [_axes(frame, _moment), *(_span(frame, span) for span in spans)]
    for place, band in enumerate(bands):
        if band:
            parts.append(
                format_html('<polygon class="band b{}" points="{}"/>', place, frame.path(band))
            )
    parts.append(_polyline("past", frame, past))
    if steps:
        parts.append(_polyline("median", frame, median))
        parts.append(_rule(frame, origin[0]))
    return _svg(title, desc, frame, parts)


def loss_chart(
    losses: Sequence[Sequence[Any]],
    *,
    title: str,
    desc: str = "",
    width: int = 560,
    height: int = 210,
) -> SafeString:
    """Training and validation loss per epoch, as the run stores them: [stage, train, valid]."""
    columns = []
    for place in (1, 2):
        rows = [(n + 1, row[place]) for n, row in enumerate(losses) if len(row) > place]
        columns.append([(float(n), float(v)) for n, v in rows if is_finite(v)])
    train, valid = columns
    if not [*train, *valid]:
        return mark_safe("")
    frame = Frame.around([*train, *valid], width, height)
    parts = [
        _axes(frame, lambda x: f"{x:.0f}"),
        _polyline("train", frame, train),
        _polyline("valid", frame, valid),
    ]
    return _svg(title, desc, frame, parts)


def lines_chart(
    lines: Sequence[tuple[str, Sequence[Point]]],
    *,
    label: Callable[[float], str] | None = None,
    now: float | None = None,
    title: str,
    desc: str = "",
    width: int = 560,
    height: int = 210,
) -> SafeString:
    """Lines of (class, points) on one frame; `label` writes x (seconds by default), `now` gets a
    rule. Empty text where there is nothing to draw."""
    drawn = [(name, [p for p in points if is_finite(p[1])]) for name, points in lines]
    every = [point for _, points in drawn for point in points]
    if not every:
        return mark_safe("")
    frame = Frame.around(every, width, height)
    parts = [_axes(frame, label or _moment)]
    parts += [_polyline(name, frame, points) for name, points in drawn]
    if now is not None:
        parts.append(_rule(frame, now))
    return _svg(title, desc, frame, parts)


def _band(
    origin: Point, steps: Sequence[tuple[float, Mapping[str, float], float]], low: str, high: str
) -> list[Point]:
    there = [(at, q[low], q[high]) for at, q, _ in steps if low in q and high in q]
    if not there:
        return []
    upper = [(at, top) for at, _, top in there]
    lower = [(at, bottom) for at, bottom, _ in reversed(there)]
    return [origin, *upper, *lower]


def _axes(frame: Frame, label: Callable[[float], str]) -> SafeString:
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = frame.y0 + share * (frame.y1 - frame.y0)
        height = frame.y(value)
        parts.append(
            format_html(
                '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                '<text class="tick y" x="{}" y="{}">{}</text>',
                *(LEFT, frame.width - RIGHT, height, height),
                *(LEFT - 6, height + 4, number(value)),
            )
        )
    for place, share in (("start", 0.0), ("middle", 0.5), ("end", 1.0)):
        value = frame.x0 + share * (frame.x1 - frame.x0)
        parts.append(
            format_html(
                '<text class="tick x {}" x="{}" y="{}">{}</text>',
                *(place, frame.x(value), frame.height - 6, label(value)),
            )
        )
    return _join(parts)


def _span(frame: Frame, span: Span) -> SafeString:
    """A rectangle over all the height, never too narrow to be seen; empty where it is outside."""
    start, end = span.start.timestamp(), span.end.timestamp()
    if end < frame.x0 or start > frame.x1:
        return mark_safe("")
    left, right = frame.x(max(start, frame.x0)), frame.x(min(end, frame.x1))
    wide = max(right - left, THINNEST)
    return format_html(
        '<rect class="span {}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        *(span.name, min(left, frame.width - RIGHT - wide), TOP),
        *(round(wide, 1), frame.height - BOTTOM - TOP, span.title),
    )


def _polyline(name: str, frame: Frame, points: Sequence[Point]) -> SafeString:
    if not points:
        return mark_safe("")
    if len(points) == 1:
        x, y = points[0]
        dot = '<circle class="{}" cx="{}" cy="{}" r="3"/>'
        return format_html(dot, name, frame.x(x), frame.y(y))
    return format_html('<polyline class="{}" points="{}"/>', name, frame.path(points))


def _rule(frame: Frame, x: float) -> SafeString:
    at, bottom = frame.x(x), frame.height - BOTTOM
    return format_html('<line class="now" x1="{}" x2="{}" y1="{}" y2="{}"/>', at, at, TOP, bottom)


def _svg(title: str, desc: str, frame: Frame, parts: Sequence[SafeString]) -> SafeString:
    return format_html(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">'
        "<title>{}</title><desc>{}</desc>{}</svg>",
        *(frame.width, frame.height, title, title, desc, _join(parts)),
    )


def _join(parts: Sequence[SafeString]) -> SafeString:
    # Every part was escaped by format_html.
    return mark_safe("".join(parts))  # noqa: S308


def _moment(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%m-%d %H:%M}"


def _seconds(at: str | dt.datetime) -> float:
    return (dt.datetime.fromisoformat(at) if isinstance(at, str) else at).timestamp()
