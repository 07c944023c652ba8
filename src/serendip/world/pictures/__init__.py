"""Pictures of items: the kind gives the shape, the theme a motif, colour and material the paint, style the ground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from serendip.data import Progress, silent, track
from serendip.world.items import Item
from serendip.world.pictures import gear, house, wear, works
from serendip.world.pictures.canvas import SIZE, Canvas, Paints, Place
from serendip.world.pictures.paints import TEXTURE_OF, ground, paints, pattern, texture_paint

__all__ = ["SIZE", "draw", "draw_all"]

_GOODS = wear.DRAWINGS | house.DRAWINGS | gear.DRAWINGS
# Larger sizes are drawn larger; what comes in one size only is drawn like the largest.
_SCALES = (0.8, 0.9, 1.0)
PNG_COMPRESSION = 3
"""Of zlib: beyond it pictures get hardly smaller and take longer."""


def draw(item: Item) -> Image.Image:
    """The picture of an item, SIZE by SIZE pixels, RGB. It depends on nothing but what the item is."""
    canvas = Canvas(ground(item.style.name.en).copy())
    colours = paints(item)
    if item.theme:
        _draw_work(canvas, item, item.theme.name.en, colours)
    else:
        _draw_goods(canvas, item, colours)
    return canvas.finished()


def _draw_work(canvas: Canvas, item: Item, theme: str, colours: Paints) -> None:
    mark = works.RECORD_MARKS.get(item.kind.name.en)
    shape = "sleeve" if mark else item.kind.name.en
    motif = works.MOTIFS[theme]
    canvas.draw(works.DRAWINGS[shape], colours)
    canvas.draw(motif, colours, works.MOTIF_PLACES[shape])
    if mark:
        canvas.draw(mark, colours)


def _draw_goods(canvas: Canvas, item: Item, colours: Paints) -> None:
    drawing, place = _GOODS[item.kind.name.en], Place(_scale(item))
    canvas.draw(drawing, colours, place)
    texture = TEXTURE_OF.get(item.material.name.en) if item.material else None
    if texture:
        canvas.texture(drawing, place, pattern(texture), texture_paint(colours["main"], texture))


def _scale(item: Item) -> float:
    sizes = item.kind.sizes
    return _SCALES[len(_SCALES) - len(sizes) + sizes.index(item.size)] if item.size else _SCALES[-1]


def draw_all(items: Sequence[Item], folder: Path, progress: Progress = silent) -> None:
    """Write the picture of each item into `folder`, where its `image` says. Pictures that are there are replaced."""
    for item in track(items, "drawing pictures", len(items), progress):
        path = folder / item.image
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(item).save(path, compress_level=PNG_COMPRESSION)
