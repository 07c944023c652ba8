"""Canvas: draws shapes that are written down as text, one to a line, in a square of 100 by 100.

    poly PAINT x,y x,y ...          a polygon
    blob PAINT x,y x,y ...          a closed curve that the points pull towards themselves
    oval PAINT x,y rx,ry            an ellipse around its centre
    half PAINT x,y rx,ry            the lower half of an ellipse
    rect PAINT x,y x,y [radius]     a rectangle from corner to corner
    ring PAINT width x,y rx,ry      an outline of an ellipse
    line PAINT width x,y x,y ...    straight lines with round joints
    arc  PAINT width x,y x,y ...    a curved line

A verb that ends in `+` draws its mirror image about the middle as well. Paints are the names in `Paints`; what is
painted `main` also takes the texture of the material.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw

SIZE = 192
DETAIL = 2
"""Pictures are drawn this many times larger and shrunk, which smooths their edges."""
SIDE = SIZE * DETAIL
UNIT = SIDE / 100
CURVE_STEPS = 3

Fill = str | int
Point = tuple[float, float]
Paints = dict[str, str]


class Shape(NamedTuple):
    verb: str
    paint: str
    numbers: tuple[float, ...]  # width or radius, where the verb has one
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Place:
    """Where a drawing goes: its square of 100 by 100 is shrunk around (50, 50) and moved."""

    scale: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    def __call__(self, point: Point) -> Point:
        x, y = point
        return 50 + (x - 50) * self.scale + self.dx, 50 + (y - 50) * self.scale + self.dy


HERE = Place()


@cache
def shapes(text: str) -> tuple[Shape, ...]:
    """The shapes of a drawing, mirror images included."""
    parsed: list[Shape] = []
    for line in text.strip().splitlines():
        verb, paint, *rest = line.split()
        numbers = tuple(float(part) for part in rest if "," not in part)
        points = tuple((float(x), float(y)) for x, _, y in (part.partition(",") for part in rest if "," in part))
        if verb.startswith(("blob", "arc")):
            points = _cut_corners(points, closed=verb.startswith("blob"))
        parsed.append(Shape(verb.rstrip("+"), paint, numbers, points))
        if verb.endswith("+"):
            parsed.append(_mirrored(parsed[-1]))
    return tuple(parsed)


def _mirrored(shape: Shape) -> Shape:
    kept = 1 if shape.verb in ("oval", "half", "ring") else len(shape.points)  # radii stay as they are
    points = [(100 - x, y) for x, y in shape.points[:kept]]
    if shape.verb == "rect":
        (x0, y0), (x1, y1) = points
        points = [(x1, y0), (x0, y1)]
    return shape._replace(points=(*points, *shape.points[kept:]))


def _cut_corners(points: tuple[Point, ...], closed: bool) -> tuple[Point, ...]:
    """A smooth curve from its control points (Chaikin, 1974)."""
    for _ in range(CURVE_STEPS):
        following = (*points[1:], points[0]) if closed else points[1:]
        cut = tuple(
            (a * x0 + (1 - a) * x1, a * y0 + (1 - a) * y1)
            for (x0, y0), (x1, y1) in zip(points, following, strict=False)
            for a in (0.75, 0.25)
        )
        points = cut if closed else (points[0], *cut, points[-1])
    return points


@dataclass
class Canvas:
    """A picture in the making, on a background of its own."""

    image: Image.Image

    def draw(self, drawing: str, paints: Paints, place: Place = HERE) -> None:
        _paint(self.image, drawing, paints, place)

    def texture(self, drawing: str, place: Place, pattern: Image.Image, paint: str) -> None:
        """Lay `pattern` in `paint` over everything whose paint is `main` in `drawing`."""
        mask = Image.new("L", self.image.size)
        _paint(mask, drawing, _MASK_PAINTS, place)
        self.image.paste(paint, mask=ImageChops.multiply(mask, pattern))

    def finished(self) -> Image.Image:
        return self.image.reduce(DETAIL)


def _paint(image: Image.Image, drawing: str, paints: Mapping[str, Fill], place: Place) -> None:
    brush = ImageDraw.Draw(image)
    for shape in shapes(drawing):
        numbers = [number * place.scale for number in shape.numbers]
        _VERBS[shape.verb](brush, paints[shape.paint], numbers, _placed(shape, place))


def _placed(shape: Shape, place: Place) -> list[Point]:
    if shape.verb in ("oval", "half", "ring"):
        (rx, ry) = shape.points[1]
        x, y = place(shape.points[0])
        return [(x, y), (rx * place.scale, ry * place.scale)]
    return [place(point) for point in shape.points]


Verb = Callable[[ImageDraw.ImageDraw, Fill, list[float], list[Point]], None]


def _pixels(points: Sequence[Point]) -> list[Point]:
    return [(x * UNIT, y * UNIT) for x, y in points]


def _box(points: list[Point]) -> list[Point]:
    (x, y), (rx, ry) = points
    return _pixels([(x - rx, y - ry), (x + rx, y + ry)])


def _poly(brush: ImageDraw.ImageDraw, fill: Fill, numbers: list[float], points: list[Point]) -> None:
    brush.polygon(_pixels(points), fill=fill)


def _oval(brush: ImageDraw.ImageDraw, fill: Fill, numbers: list[float], points: list[Point]) -> None:
    brush.ellipse(_box(points), fill=fill)


def _half(brush: ImageDraw.ImageDraw, fill: Fill, numbers: list[float], points: list[Point]) -> None:
    brush.pieslice(_box(points), 0, 180, fill=fill)


def _rect(brush: ImageDraw.ImageDraw, fill: Fill, numbers: list[float], points: list[Point]) -> None:
    radius = numbers[0] * UNIT if numbers else 0
    brush.rounded_rectangle(_pixels(points), radius, fill=fill)


def _ring(brush: ImageDraw.ImageDraw, fill: Fill, numbers: list[float], points: list[Point]) -> None:
    brush.ellipse(_box(points), outline=fill, width=round(numbers[0] * UNIT))


def _line(brush: ImageDraw.ImageDraw, fill: Fill, numbers: list[float], points: list[Point]) -> None:
    width = numbers[0]
    brush.line(_pixels(points), fill=fill, width=round(width * UNIT), joint="curve")
    for end in (points[0], points[-1]):
        brush.ellipse(_box([end, (width / 2, width / 2)]), fill=fill)


_MASK_PAINTS: Mapping[str, Fill] = defaultdict(int, main=255)
"""The body of a thing is white, everything else black."""
_VERBS: dict[str, Verb] = {
    "poly": _poly,
    "blob": _poly,
    "oval": _oval,
    "half": _half,
    "rect": _rect,
    "ring": _ring,
    "line": _line,
    "arc": _line,
}
