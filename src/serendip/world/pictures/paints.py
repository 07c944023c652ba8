"""Paints: colours and textures from what an item is; the background from its style."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageColor, ImageDraw

from serendip.world.items import Item
from serendip.world.pictures.canvas import SIDE, Canvas, Paints

INK = "#33363f"
WHITE = "#fdfcf9"

TEXTURES = {
    "knit": ("Wool", "Merino", "Cashmere"),
    "weave": ("Linen", "Canvas", "Cotton"),
    "twill": ("Denim", "Recycled Nylon"),
    "grain": ("Oak", "Walnut", "Bamboo"),
    "speckle": ("Stoneware", "Cast Iron", "Suede"),
    "sheen": ("Copper", "Steel", "Aluminium", "Titanium", "Brass", "Glass", "Porcelain", "Silk", "Enamel"),
    "dots": ("Mesh", "Carbon"),
    "basket": ("Rattan",),
}
TEXTURE_OF = {material: texture for texture, materials in TEXTURES.items() for material in materials}

GROUNDS = {
    "adventurous": "#dfe9d8",
    "homely": "#f6e4d4",
    "futuristic": "#d9e8f1",
    "noir": "#d3d2de",
    "romantic": "#f9dfe3",
    "vintage": "#efe3c6",
    "playful": "#fcedc3",
    "sporty": "#d6e8f8",
    "minimalist": "#efeeea",
    "bohemian": "#e6dcec",
}
PATTERNS = {
    "adventurous": "blob faint -20,100 -20,82 20,58 45,86 70,52 120,84 120,100",
    "homely": "\n".join(f"rect faint {x},0 {x + 7},100\nrect faint 0,{x} 100,{x + 7}" for x in range(3, 100, 17)),
    "futuristic": "\n".join(f"oval faint {x},{y} 1.1,1.1" for x in range(5, 100, 10) for y in range(5, 100, 10)),
    "noir": "\n".join(f"line faint 1.2 {x},-5 {x - 60},105" for x in range(0, 170, 9)),
    "romantic": "\n".join(
        f"half faint {x},{y} 3.4,5.6\noval faint {x - 1.7},{y} 1.8,2\noval faint {x + 1.7},{y} 1.8,2"
        for x, y in [(10, 12), (34, 8), (62, 14), (88, 8), (8, 46), (92, 44), (12, 82), (36, 92), (66, 90), (90, 80)]
    ),
    "vintage": "\n".join(f"poly faint 50,50 {x},-20 {x + 12},-20" for x in range(-90, 190, 24))
    + "\n"
    + "\n".join(f"poly faint 50,50 {x},120 {x + 12},120" for x in range(-90, 190, 24)),
    "playful": "\n".join(
        f"oval faint {x},{y} {r},{r}"
        for x, y, r in [
            (10, 14, 5),
            (38, 8, 3),
            (70, 10, 4),
            (92, 22, 6),
            (6, 52, 3),
            (94, 60, 4),
            (12, 88, 6),
            (44, 94, 4),
        ]
    ),
    "sporty": "poly faint -10,70 110,20 110,34 -10,84\npoly faint -10,92 110,42 110,48 -10,98",
    "minimalist": "oval faint 50,50 38,38",
    "bohemian": "\n".join(
        f"arc faint 1.6 -4,{y} 12,{y - 8} 30,{y + 8} 50,{y - 8} 70,{y + 8} 88,{y - 8} 104,{y}"
        for y in range(8, 100, 14)
    ),
}
FAINT, SHADOW = 0.94, 0.84
STEP = SIDE // 32
"""The distance of the strokes of a texture, in pixels of the drawing."""


def mix(one: str, other: str, share: float) -> str:
    """`one` with `share` of `other` in it."""
    pairs = zip(ImageColor.getrgb(one), ImageColor.getrgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def brightness(paint: str) -> float:
    """0 is black, 1 is white (ITU-R BT.601)."""
    red, green, blue = ImageColor.getrgb(paint)[:3]
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


@cache
def ground(style: str) -> Image.Image:
    """The background of a style, at drawing size. Shared: copy before drawing on it."""
    paint = GROUNDS[style]
    canvas = Canvas(Image.new("RGB", (SIDE, SIDE), paint))
    canvas.draw(PATTERNS[style], {"faint": mix(paint, "#000000", 1 - FAINT) if style != "vintage" else "#f4ead2"})
    return canvas.image


def paints(item: Item) -> Paints:
    """The paints of an item: its material's own colour or else its colour, shades of them, and a contrast."""
    colour, ground_paint = item.colour.paint, GROUNDS[item.style.name.en]
    own = item.material.paint if item.material else ""
    main = own or colour
    accent = colour if own else _contrast(colour)
    return {
        "main": main,
        "dark": mix(main, INK, 0.28),
        "light": mix(main, WHITE, 0.45),
        "accent": accent,
        "deep": mix(accent, INK, 0.3),
        "pale": mix(accent, WHITE, 0.5),
        "ink": INK,
        "leaf": "#6f9a58",
        "fern": "#4f7f52",
        "glow": "#ffd98a",
        "flame": "#ee8a3c",
        "white": WHITE,
        "paper": ground_paint,
        "shadow": mix(ground_paint, INK, 1 - SHADOW),
        "motif": WHITE if brightness(main) < 0.72 else mix(main, INK, 0.72),
        "motif2": mix(main, WHITE if brightness(main) < 0.72 else INK, 0.5),
    }


def _contrast(colour: str) -> str:
    """Cream on what is dark, a deep shade on what is light."""
    return mix(colour, "#fff3d6", 0.72) if brightness(colour) < 0.6 else mix(colour, INK, 0.55)


def texture_paint(main: str, texture: str) -> str:
    return mix(main, WHITE, 0.35) if texture == "sheen" else mix(main, INK, 0.14)


@cache
def pattern(texture: str) -> Image.Image:
    """Where a texture lies, from black (not at all) to white, at drawing size."""
    image = Image.new("L", (SIDE, SIDE))
    brush = ImageDraw.Draw(image)
    for y in range(-SIDE, 2 * SIDE, STEP):
        _STROKES[texture](brush, y)
    return image


def _knit(brush: ImageDraw.ImageDraw, y: int) -> None:
    for x in range(0, SIDE, STEP):
        brush.line([(x, y), (x + STEP // 2, y + STEP // 2), (x + STEP, y)], fill=255, width=3)


def _weave(brush: ImageDraw.ImageDraw, y: int) -> None:
    brush.line([(0, y), (SIDE, y)], fill=150, width=2)
    brush.line([(y, 0), (y, SIDE)], fill=150, width=2)


def _twill(brush: ImageDraw.ImageDraw, y: int) -> None:
    brush.line([(y, 0), (y - SIDE // 2, SIDE)], fill=200, width=3)


def _grain(brush: ImageDraw.ImageDraw, y: int) -> None:
    brush.line([(0, y), (SIDE // 2, y + STEP // 2), (SIDE, y)], fill=220, width=3)


def _speckle(brush: ImageDraw.ImageDraw, y: int) -> None:
    for place, x in enumerate(range(0, SIDE, STEP)):
        lower = y + (place * 7 % 5) * 3
        brush.ellipse([x, lower, x + 4, lower + 4], fill=255)


def _dots(brush: ImageDraw.ImageDraw, y: int) -> None:
    for x in range(0, SIDE, STEP):
        brush.ellipse([x, y, x + 3, y + 3], fill=255)


def _sheen(brush: ImageDraw.ImageDraw, y: int) -> None:
    if y in (16 * STEP, 29 * STEP):
        slope, width = SIDE // 4, 3 * STEP
        brush.polygon([(y, 0), (y + width, 0), (y + width - slope, SIDE), (y - slope, SIDE)], fill=140)


def _basket(brush: ImageDraw.ImageDraw, y: int) -> None:
    for place, x in enumerate(range(0, SIDE, STEP)):
        if (place + y // STEP) % 2:
            brush.rectangle([x, y, x + STEP - 2, y + STEP - 2], fill=255)


_STROKES = {
    "knit": _knit,
    "weave": _weave,
    "twill": _twill,
    "grain": _grain,
    "speckle": _speckle,
    "dots": _dots,
    "sheen": _sheen,
    "basket": _basket,
}
