"""Catalogue: the items, each drawn from a style that decides, by chance, its theme, material, colour and maker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import polars as pl

from serendip.data.arrays import FloatArray, IntArray
from serendip.world.goods import CATEGORIES, COLOURS, MATERIALS, Category, Kind
from serendip.world.items import Item, Maker
from serendip.world.laws import DAY_MS, N_HIDDEN, START_MS, Laws
from serendip.world.styles import NAMES, STYLES, Style, Word, loading
from serendip.world.titles import Describer
from serendip.world.words import FIRST_NAMES, LAST_NAMES, THEMES

LEANING = 3.0
"""How strictly attributes follow the style of an item: P(attribute) ~ exp(LEANING * its loading on the style)."""
LATEST_YEAR = 2026
# How much each attribute says about the styles of an item.
OWN, ABOUT, KIND, MATERIAL, COLOUR, BRAND, MAKER, NOISE = 1.0, 0.8, 0.5, 0.5, 0.4, 0.4, 0.4, 0.1


class Leaning(Protocol):
    @property
    def leanings(self) -> str: ...


Choice = TypeVar("Choice", bound=Leaning)


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All items in row order, and what nobody sees of them."""

    items: tuple[Item, ...]
    styles: FloatArray  # (N, styles) unit rows: how much of each style
    hidden: FloatArray  # (N, N_HIDDEN)
    quality: FloatArray  # (N,)
    fame: FloatArray  # (N,) how present each item is before anybody clicks, whatever its quality

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def category_rows(self) -> IntArray:
        """The place of each item's category in `CATEGORIES`, (N,)."""
        place = {category.prefix: row for row, category in enumerate(CATEGORIES)}
        return np.array([place[item.category.prefix] for item in self.items])

    @cached_property
    def arrival_days(self) -> FloatArray:
        """(N,), negative for what was there before the log."""
        return np.array([item.arrival_day for item in self.items])

    @cached_property
    def dearness(self) -> FloatArray:
        """How dear each item is for its kind, (N,), in standard deviations."""
        ratio = np.array([np.log(item.price / item.kind.price) for item in self.items])
        return np.asarray((ratio - ratio.mean()) / (ratio.std() or 1.0))

    def frame(self) -> pl.DataFrame:
        """The items table: what a shop would know."""
        return pl.DataFrame(
            {
                "item_id": [item.item_id for item in self.items],
                "title": [item.title.en for item in self.items],
                "title_zh": [item.title.zh for item in self.items],
                "description": [item.description.en for item in self.items],
                "description_zh": [item.description.zh for item in self.items],
                "category": [item.category.name.en for item in self.items],
                "category_zh": [item.category.name.zh for item in self.items],
                "kind": [item.kind.name.en for item in self.items],
                "style": [item.style.name.en for item in self.items],
                "theme": [item.theme.name.en if item.theme else None for item in self.items],
                "material": [item.material.name.en if item.material else None for item in self.items],
                "colour": [item.colour.name.en for item in self.items],
                "brand": [item.brand for item in self.items],
                "maker": [item.maker.name for item in self.items],
                "price": [item.price for item in self.items],
                "currency": "EUR",
                "year": [item.year for item in self.items],
                "tags": [_tags(item) for item in self.items],
                "image": [item.image for item in self.items],
                "added_ms": START_MS + (self.arrival_days * DAY_MS).astype(np.int64),
            },
            schema_overrides={"theme": pl.String, "material": pl.String},
        )


def _tags(item: Item) -> list[str]:
    subject = item.theme or item.material
    tags = [item.style.name.en, subject.name.en if subject else "", item.kind.name.en, item.colour.name.en]
    return [tag.lower() for tag in tags if tag]


def make_catalogue(n_items: int, n_days: int, laws: Laws, rng: np.random.Generator) -> Catalogue:
    """`n_items` items, as many in each category as in any other, in order of category."""
    sizes = [len(range(place, n_items, len(CATEGORIES))) for place in range(len(CATEGORIES))]
    arrivals = iter(_arrival_days(n_items, n_days, laws, rng))
    full_names = iter(rng.permutation(len(FIRST_NAMES) * len(LAST_NAMES)).tolist())
    describer = Describer(rng)
    items: list[Item] = []
    for category, size in zip(CATEGORIES, sizes, strict=True):
        makers = [_maker(next(full_names), rng) for _ in range(min(max(size // 7, 3), 80))]
        mixture = _style_mixture(category)
        items += [
            _item(number, category, int(style), makers, float(next(arrivals)), describer, rng)
            for number, style in enumerate(rng.choice(len(STYLES), size, p=mixture), 1)
        ]
    noise = rng.standard_normal((n_items, N_HIDDEN))
    hidden = np.sqrt(0.5) * (np.array([item.maker.hidden for item in items]) + noise)
    fame = rng.lognormal(0, laws.fame, n_items)
    return Catalogue(tuple(items), _style_vectors(items, rng), hidden, rng.standard_normal(n_items), fame)


def _arrival_days(n_items: int, n_days: int, laws: Laws, rng: np.random.Generator) -> FloatArray:
    """When each item arrives; the last few come as the log closes, so that nobody has seen them."""
    days = -1.0 - rng.exponential(300.0, n_items)
    order = rng.permutation(n_items)
    new = order[: round(laws.arrivals * n_items)]
    days[new] = rng.uniform(1, n_days, len(new))
    days[new[: -(-len(new) // 20)]] = n_days
    return days


def _maker(full_name: int, rng: np.random.Generator) -> Maker:
    first, last = divmod(full_name, len(LAST_NAMES))
    home = NAMES[rng.integers(len(NAMES))]
    return Maker(f"{FIRST_NAMES[first]} {LAST_NAMES[last]}", home, rng.lognormal(0, 0.5), rng.standard_normal(N_HIDDEN))


def _style_mixture(category: Category) -> FloatArray:
    """How often each style occurs in a category: as often as its kinds or themes lean to it."""
    choices: Sequence[Leaning] = THEMES if category.themed else category.kinds
    weights = 0.1 + np.mean([loading(choice.leanings) for choice in choices], axis=0)
    return np.asarray(weights / weights.sum())


def _pick(choices: Sequence[Choice], style: int, rng: np.random.Generator) -> Choice:
    weights = np.exp([LEANING * loading(choice.leanings)[style] for choice in choices])
    return choices[rng.choice(len(choices), p=weights / weights.sum())]


def _item(
    number: int,
    category: Category,
    style: int,
    makers: list[Maker],
    arrival_day: float,
    describer: Describer,
    rng: np.random.Generator,
) -> Item:
    kind = _pick(category.kinds, style, rng)
    materials = [MATERIALS[name] for name in kind.materials]
    brand = style if rng.random() < 0.75 else int(rng.integers(len(STYLES)))
    bare = Item(
        item_id=f"{category.prefix}-{number:04d}",
        category=category,
        kind=kind,
        style=STYLES[style],
        theme=_pick(THEMES, style, rng) if category.themed else None,
        material=_pick(materials, style, rng) if materials else None,
        colour=_pick(COLOURS, style, rng),
        size=kind.sizes[rng.integers(len(kind.sizes))] if kind.sizes else None,
        maker=_pick_maker(makers, style, rng),
        brand=category.brands[brand],
        year=_year(category, STYLES[style], arrival_day, rng),
        price=_price(kind, rng),
        arrival_day=arrival_day,
        title=Word("", ""),
        description=Word("", ""),
    )
    return bare._replace(title=describer.title(bare), description=describer.description(bare))


def _pick_maker(makers: list[Maker], style: int, rng: np.random.Generator) -> Maker:
    weights = np.array([maker.output * np.exp(LEANING * loading(maker.leanings)[style]) for maker in makers])
    return makers[rng.choice(len(makers), p=weights / weights.sum())]


def _year(category: Category, style: Style, arrival_day: float, rng: np.random.Generator) -> int:
    """Works may be decades old, goods a few years; what arrives during the log is new."""
    if arrival_day > 0:
        return LATEST_YEAR
    span = 2.5 if not category.themed else 28.0 if style.name.en == "vintage" else 11.0
    return max(LATEST_YEAR - int(rng.exponential(span)), 1950)


def _price(kind: Kind, rng: np.random.Generator) -> float:
    """Around the middle of the kind, ending in .90 as prices do."""
    return float(max(round(kind.price * rng.lognormal(0, 0.3)), 3)) - 0.1


def _style_vectors(items: Sequence[Item], rng: np.random.Generator) -> FloatArray:
    vectors = np.array([_style_vector(item) for item in items])
    vectors = np.maximum(vectors + NOISE * rng.standard_normal(vectors.shape), 0)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _style_vector(item: Item) -> FloatArray:
    vector = OWN * loading(item.style.name.en) + KIND * loading(item.kind.leanings)
    vector += COLOUR * loading(item.colour.leanings) + MAKER * loading(item.maker.leanings)
    vector += BRAND * loading(NAMES[item.category.brands.index(item.brand)])
    if item.theme:
        vector += ABOUT * loading(item.theme.leanings)
    if item.material:
        vector += MATERIAL * loading(item.material.leanings)
    return vector
