"""Items: what can be known of a thing by looking at it."""

from __future__ import annotations

from typing import NamedTuple

from serendip.data.arrays import FloatArray
from serendip.world.goods import Category, Colour, Kind, Material
from serendip.world.styles import Style, Word
from serendip.world.words import Theme


class Maker(NamedTuple):
    name: str
    leanings: str
    output: float
    """How much of a category they make, against the others."""
    hidden: FloatArray  # (N_HIDDEN,)


class Item(NamedTuple):
    """An item with everything that its title, description and picture are made from."""

    item_id: str
    category: Category
    kind: Kind
    style: Style
    theme: Theme | None
    material: Material | None
    colour: Colour
    size: Word | None
    maker: Maker
    brand: str
    year: int
    price: float
    arrival_day: float
    title: Word
    description: Word

    @property
    def image(self) -> str:
        """Where its picture lies in a workspace."""
        return f"pictures/{self.item_id}.png"
