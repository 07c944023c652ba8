from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageChops

from serendip.world.goods import CATEGORIES, COLOURS, MATERIALS
from serendip.world.pictures import SIZE, draw
from serendip.world.styles import NAMES, STYLES
from serendip.world.words import THEMES


def distance(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of pixels, 0 to 255."""
    return float(np.asarray(ImageChops.difference(one, other)).mean())


@pytest.fixture
def book(world):
    return next(item for item in world.catalogue.items if item.kind.name.en == "Hardback")


@pytest.fixture
def cardigan(world):
    return next(item for item in world.catalogue.items if item.kind.name.en == "Cardigan")


def kinds():
    return [(category, kind) for category in CATEGORIES for kind in category.kinds]


def test_every_kind_has_a_picture_of_its_own(book, cardigan):
    pictures = []
    for category, kind in kinds():
        item = (book if category.themed else cardigan)._replace(category=category, kind=kind, size=None)
        pictures.append(draw(item._replace(style=STYLES[0], colour=COLOURS[0])))
    different = {picture.tobytes() for picture in pictures}
    assert len(different) == len(kinds())
    assert all(picture.size == (SIZE, SIZE) and picture.mode == "RGB" for picture in pictures)


def test_themes_styles_and_colours_show(book):
    for changes in (
        [{"theme": theme} for theme in THEMES],
        [{"style": style} for style in STYLES],
        [{"colour": colour} for colour in COLOURS],
    ):
        pictures = [draw(book._replace(**change)) for change in changes]
        assert min(distance(pictures[0], other) for other in pictures[1:]) > 0.5


def test_materials_and_sizes_show(world, cardigan):
    wool, silk = (draw(cardigan._replace(material=MATERIALS[name])) for name in ("Wool", "Silk"))
    assert distance(wool, silk) > 0.3
    pot = next(item for item in world.catalogue.items if item.kind.name.en == "Moka Pot")
    small, large = (draw(pot._replace(size=size)) for size in (pot.kind.sizes[0], pot.kind.sizes[-1]))
    assert distance(small, large) > 1


def test_a_red_thing_is_redder_than_a_blue_one(cardigan):
    red, blue = (
        np.asarray(draw(cardigan._replace(colour=next(c for c in COLOURS if c.name.en == name))))
        for name in ("Scarlet", "Sky Blue")
    )
    middle = slice(SIZE // 2 - 40, SIZE // 2 + 40)
    assert red[middle, middle, 0].mean() > blue[middle, middle, 0].mean()
    assert red[middle, middle, 2].mean() < blue[middle, middle, 2].mean()


def test_pictures_lie_where_the_items_say(small_world, tmp_path):
    world, told = small_world(), []
    world.draw(tmp_path, lambda *words: told.append(words))
    images = world.tables().items["image"].to_list()
    assert len(list((tmp_path / "pictures").iterdir())) == len(images) == len(set(images))
    assert told[-1][1:] == (len(images), len(images))
    for image in images[::50]:
        with Image.open(tmp_path / image) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("PNG", (SIZE, SIZE))
    kept = (tmp_path / images[0]).read_bytes()
    world.draw(tmp_path)
    assert (tmp_path / images[0]).read_bytes() == kept
    assert len(NAMES) == len({style.name.en for style in STYLES})
