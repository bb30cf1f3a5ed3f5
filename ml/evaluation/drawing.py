"""Small charts drawn once and written twice: as SVG for a page, as PNG where pages cannot go."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

Point = tuple[float, float]

#: Colours that people with any kind of colour vision tell apart (Okabe and Ito), on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_INK, _FAINT, _PAPER = "#1b1f24", "#d0d4d9", "#ffffff"
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 40, 16, 52
_SCALE = 2  # pixels of the PNG per unit


@dataclass(frozen=True)
class Stroke:
    points: tuple[Point, ...]
    colour: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Box:
    corner: Point
    size: Point
    colour: str


@dataclass(frozen=True)
class Text:
    at: Point
    words: str
    size: int = 12
    anchor: str = "start"  # or middle, end


@dataclass
class Drawing:
    """Shapes in drawing order, on a white sheet; y grows downwards."""

    title: str
    width: int = 520
    height: int = 320
    shapes: list[Stroke | Box | Text] = field(default_factory=list)

    def svg(self) -> str:
        head = (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.title)}" xmlns="http://www.w3.org/2000/svg">'
        )
        sheet = f'<rect width="{self.width}" height="{self.height}" fill="{_PAPER}"/>'
        return "".join([head, sheet, *map(_svg, self.shapes), "</svg>"])

    def png(self) -> bytes:
        return sheet_png([self])


def _svg(shape: Stroke | Box | Text) -> str:
    if isinstance(shape, Stroke):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        dash = ' stroke-dasharray="4 4"' if shape.dashed else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{shape.colour}" '
            f'stroke-width="{shape.width}"{dash}/>'
        )
    if isinstance(shape, Box):
        (x, y), (width, height) = shape.corner, shape.size
        return (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{shape.colour}"/>'
        )
    x, y = shape.at
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{shape.size}" text-anchor="{shape.anchor}" '
        f'font-family="sans-serif" fill="{_INK}">{escape(shape.words)}</text>'
    )


def sheet_png(drawings: Sequence[Drawing]) -> bytes:
    """The drawings one below the other as one PNG."""
    from PIL import Image, ImageDraw

    width, height = max(d.width for d in drawings), sum(d.height for d in drawings)
    image = Image.new("RGB", (width * _SCALE, height * _SCALE), _PAPER)
    pen, top = ImageDraw.Draw(image), 0.0
    for drawing in drawings:
        for shape in drawing.shapes:
            _ink(pen, shape, top)
        top += drawing.height
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _ink(pen: object, shape: Stroke | Box | Text, top: float) -> None:
    def scaled(point: Point) -> Point:
        return point[0] * _SCALE, (point[1] + top) * _SCALE

    if isinstance(shape, Stroke):
        width = max(1, round(shape.width * _SCALE))
        for line in _dashes(shape) if shape.dashed else [shape.points]:
            pen.line([scaled(p) for p in line], fill=shape.colour, width=width, joint="curve")
    elif isinstance(shape, Box):
        (x, y), (width, height) = scaled(shape.corner), shape.size
        pen.rectangle([x, y, x + width * _SCALE, y + height * _SCALE], fill=shape.colour)
    else:
        from PIL import ImageFont

        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
        font = ImageFont.load_default(size=shape.size * _SCALE)
        pen.text(scaled(shape.at), shape.words, fill=_INK, font=font, anchor=anchor)


def _dashes(stroke: Stroke) -> list[tuple[Point, Point]]:
    """Pieces of about eight units, four of them ink."""
    pieces = []
    for (x0, y0), (x1, y1) in zip(stroke.points, stroke.points[1:], strict=False):
        count = max(1, round(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 / 8))
        for k in range(count):
            a, b = k / count, (k + 0.5) / count
            pieces.append(
                (
                    (x0 + a * (x1 - x0), y0 + a * (y1 - y0)),
                    (x0 + b * (x1 - x0), y0 + b * (y1 - y0)),
                )
            )
    return pieces


# ------------------------------------------------------------------------------------------ axes
class Axes:
    """A titled frame that maps values to places; ticks are (value, words)."""

    def __init__(
        self,
        title: str,
        x: tuple[float, float],
        y: tuple[float, float],
        *,
        x_ticks: Sequence[tuple[float, str]],
        y_ticks: Sequence[tuple[float, str]],
    ) -> None:
        self.drawing, self.x, self.y = Drawing(title), x, y
        self.drawing.shapes.append(Text((_LEFT, 22), title, size=14))
        for value, words in y_ticks:
            left, right = self.place(x[0], value), self.place(x[1], value)
            self.drawing.shapes.append(Stroke((left, right), _FAINT))
            self.drawing.shapes.append(Text((_LEFT - 6, left[1] + 4), words, anchor="end"))
        for value, words in x_ticks:
            at = self.place(value, y[0])
            self.drawing.shapes.append(Text((at[0], at[1] + 18), words, anchor="middle"))

    def place(self, x: float, y: float) -> Point:
        inner = self.drawing.width - _LEFT - _RIGHT, self.drawing.height - _TOP - _BOTTOM
        across = (x - self.x[0]) / max(self.x[1] - self.x[0], 1e-12)
        up = (min(max(y, self.y[0]), self.y[1]) - self.y[0]) / max(self.y[1] - self.y[0], 1e-12)
        return _LEFT + across * inner[0], _TOP + (1 - up) * inner[1]

    def line(self, points: Sequence[Point], colour: str = _INK, *, dashed: bool = False) -> None:
        placed = tuple(self.place(*point) for point in points)
        self.drawing.shapes.append(Stroke(placed, colour, 1.0 if dashed else 2.0, dashed))

    def bar(self, x: float, width: float, height: float, colour: str) -> None:
        left, top = self.place(x, height)
        right, bottom = self.place(x + width, self.y[0])
        self.drawing.shapes.append(Box((left, top), (right - left, bottom - top), colour))

    def legend(self, names: Sequence[tuple[str, str]]) -> None:
        at, below = float(_LEFT), self.drawing.height - 12.0
        for name, colour in names:
            self.drawing.shapes.append(Box((at, below - 9), (10, 10), colour))
            self.drawing.shapes.append(Text((at + 15, below), name))
            at += 32 + 6.6 * len(name)
