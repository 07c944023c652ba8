"""Drawing: the parts of an SVG; for light and dark, with nothing to load and nothing to run."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

LETTER = 6.0
"""Mean width of a letter in pixels; there is nobody to ask."""
LINE = 13.0
"""Height of a line of text."""
N_COLOURS = 10

LIGHT = (
    "--ink: #1d2430; --soft: #667085; --grid: #e7eaf0; --band: #f4f6f9; --paper: #ffffff; "
    "--c0: #2f6bd8; --c1: #d9622b; --c2: #26915f; --c3: #9a43b8; --c4: #b98500; "
    "--c5: #d0375f; --c6: #12909f; --c7: #7c5a3a; --c8: #5f7f16; --c9: #64748b;"
)
DARK = (
    "--ink: #e8ebf1; --soft: #98a2b3; --grid: #2a3140; --band: #1a2030; --paper: #131822; "
    "--c0: #7aa7ff; --c1: #ff9b6b; --c2: #5fd39b; --c3: #d39bf0; --c4: #f0c24b; "
    "--c5: #ff86a5; --c6: #5fd3e0; --c7: #d1aa84; --c8: #b3d863; --c9: #a3b1c6;"
)
COLOURS = "\n".join(f".f{n} {{ fill: var(--c{n}); }} .s{n} {{ stroke: var(--c{n}); }}" for n in range(N_COLOURS))
STYLE = f"""
:root {{ {LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
svg text {{ font: 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }}
svg text.title {{ font-size: 13px; font-weight: 650; fill: var(--ink); }}
svg text.heading {{ font-size: 20px; font-weight: 650; fill: var(--ink); }}
svg text.label {{ fill: var(--ink); }}
.grid {{ stroke: var(--grid); }}
.band {{ fill: var(--band); }}
.paper {{ fill: var(--paper); }}
.lead {{ stroke: var(--soft); stroke-width: .7; opacity: .6; fill: none; }}
.mark {{ stroke: var(--paper); stroke-width: 1.5; }}
.quote {{ fill: none; stroke: var(--soft); stroke-width: 1.4; }}
.whisker {{ stroke-width: 2; opacity: .5; }}
{COLOURS}
"""


@dataclass(frozen=True)
class Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (log10(it) if self.logarithmic else it for it in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values: powers of ten, or about five even steps."""
        if self.logarithmic:
            return [10.0**n for n in range(ceil(log10(self.low)), floor(log10(self.high)) + 1)]
        raw = (self.high - self.low) / 5
        power = 10.0 ** floor(log10(raw))
        step = next(power * n for n in (1, 2, 5, 10) if power * n >= raw)
        return [n * step for n in range(ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Box:
    """Where something is; y grows downwards."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def meets(self, other: Box) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)

    def holds(self, other: Box) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True)
class Point:
    """A mark with a name."""

    x: float
    y: float
    name: str


def document(body: str, width: float, height: float, title: str) -> str:
    """A whole SVG file."""
    size = f'width="{width:g}" height="{height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {size} role="img" '
        f'aria-label="{escape(title)}">\n<style>{STYLE}</style>\n<rect class="paper" {size} rx="12"/>\n{body}\n</svg>\n'
    )


def moved(body: str, right: float, down: float) -> str:
    return f'<g transform="translate({right:g} {down:g})">\n{body}\n</g>'


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}"{placed}>{escape(words)}</text>'


def line(kind: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def circle(x: float, y: float, colour: int, hint: str) -> str:
    """With words that show under the pointer."""
    return f'<circle class="mark f{colour}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(hint)}</title></circle>'


def square(x: float, y: float, colour: int, hint: str) -> str:
    place = f'x="{x - 4.6:.1f}" y="{y - 4.6:.1f}" width="9.2" height="9.2" rx="1.5"'
    return f'<rect class="mark f{colour}" {place}><title>{escape(hint)}</title></rect>'


def diamond(x: float, y: float, hint: str) -> str:
    """Hollow."""
    outline = f"M{x:.1f} {y - 4.5:.1f}l4.5 4.5-4.5 4.5-4.5-4.5z"
    return f'<path class="quote" d="{outline}"><title>{escape(hint)}</title></path>'


def vertical_grid(x: Scale, area: Box, name: str) -> list[str]:
    """Lines at the ticks of `x`, their values and the name of the axis below `area`."""
    parts = [line("grid", (x(tick), area.top), (x(tick), area.bottom)) for tick in x.ticks()]
    parts += [text(x(tick), area.bottom + 15, f"{tick:.4g}", anchor="middle") for tick in x.ticks()]
    return [*parts, text((x.start + x.end) / 2, area.bottom + 33, name, anchor="middle")]


def horizontal_grid(y: Scale, area: Box, name: str) -> list[str]:
    """Lines at the ticks of `y`, their values and the name of the axis to the left of `area`."""
    parts = [line("grid", (area.left, y(tick)), (area.right, y(tick))) for tick in y.ticks()]
    parts += [text(area.left - 7, y(tick) + 4, f"{tick:.4g}", anchor="end") for tick in y.ticks()]
    turned = f'transform="translate({area.left - 48:.0f} {(area.top + area.bottom) / 2:.0f}) rotate(-90)"'
    return [*parts, f'<text {turned} text-anchor="middle">{escape(name)}</text>']


def labels(points: Sequence[Point], area: Box, wanted: Container[str]) -> list[str]:
    """The `wanted` names beside their marks, where they cover neither marks nor one another."""
    taken = [Box(point.x - 6, point.y - 6, 12, 12) for point in points]
    parts = []
    for point in sorted((point for point in points if point.name in wanted), key=lambda point: (point.y, point.x)):
        box = _free(point, taken, area)
        taken.append(box)
        middle = (box.top + box.bottom) / 2
        if abs(middle - point.y) > LINE:
            near = min((box.left, box.right), key=lambda x: abs(x - point.x))
            parts.append(line("lead", (point.x, point.y), (near, middle)))
        parts.append(text(box.left, box.bottom - 3, point.name, "label"))
    return parts


def _free(point: Point, taken: Iterable[Box], area: Box) -> Box:
    """The nearest free place for a name; right beside the mark where there is none."""
    width = LETTER * len(point.name)
    shifts = [0.0, *(sign * LINE * n / 2 for n in range(1, 16) for sign in (1, -1))]
    sides = (point.x + 9, point.x - 9 - width)
    boxes = [Box(x, point.y - LINE / 2 + shift, width, LINE) for shift in shifts for x in sides]
    return next((box for box in boxes if area.holds(box) and not any(map(box.meets, taken))), boxes[0])


def spread(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Places at least a line apart, near to `wanted`, both ascending."""
    places = list(wanted)
    for n in range(len(places)):
        places[n] = max(places[n], low if n == 0 else places[n - 1] + LINE)
    for n in reversed(range(len(places))):
        places[n] = min(places[n], high if n == len(places) - 1 else places[n + 1] - LINE)
    return places
