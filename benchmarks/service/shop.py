"""Shop: a generated catalogue and what people did in it, of any size.

People like a few groups of things, things have a popularity after Zipf, histories a log-normal length; things have
titles, categories, brands, makers, prices and a stock, so that filters, variety and reasons have something to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from serendip.data import Tables, event_frame
from serendip.data.arrays import FloatArray, IntArray

VERSION = 1
"""To be raised when the same size makes something else: worlds of an older version are made again."""
DAYS = 180
END_MS = 1_790_000_000_000
"""The time of the last event at most, 2026-09-21; fixed, so that the same sizes make the same world."""
TYPES = ("view", "click", "cart", "like", "purchase")
TYPE_SHARES = (0.55, 0.17, 0.08, 0.08, 0.12)
LIKED_GROUPS = 3
ANYTHING = 0.3
"""The share of events that follow popularity alone."""
ADJECTIVES = ("Quiet", "Bright", "Warm", "Plain", "Swift", "Old", "Soft", "Deep", "Light", "Fine", "Green", "Blue")
NOUNS = ("Lamp", "Teapot", "Chair", "Scarf", "Novel", "Radio", "Basket", "Clock", "Kettle", "Mirror", "Rug", "Vase")
CATEGORIES = ("home", "kitchen", "books", "garden", "audio", "clothing", "toys", "sport", "tools", "art")


@dataclass(frozen=True)
class Size:
    """What a world is made of."""

    items: int
    people: int
    events: int
    """About so many: of one person the same thing counts once per type."""
    seed: int = 0


SIZES = {
    "tiny": Size(400, 300, 8_000),
    "hundred-thousand": Size(100_000, 100_000, 3_000_000),
    "million-items": Size(1_000_000, 100_000, 3_000_000),
    "million-people": Size(100_000, 1_000_000, 10_000_000),
}


def user_id(number: int) -> str:
    return f"u{number}"


def item_id(number: int) -> str:
    return f"i{number}"


def generated(size: Size) -> Tables:
    """Everything, the same for the same size."""
    generator = np.random.default_rng(size.seed)
    groups = np.sort(generator.integers(0, _n_groups(size), size.items))  # the group of each item
    events = _events(generator, size, groups)
    return Tables(events, _items(generator, size, groups), pl.DataFrame({"user_id": _ids("u", np.arange(size.people))}))


def _n_groups(size: Size) -> int:
    return max(10, int(size.items**0.5 / 1.5 + 0.5))


def _events(generator: np.random.Generator, size: Size, groups: IntArray) -> pl.DataFrame:
    share = generator.lognormal(0, 1, size.people)
    person = np.repeat(np.arange(size.people), 1 + generator.poisson(share * (size.events / share.sum())))
    items = _chosen(generator, size, groups, person)
    kinds = np.asarray(TYPES)[generator.choice(len(TYPES), len(person), p=TYPE_SHARES)]
    times = END_MS - (generator.random(len(person)) * DAYS * 86_400_000).astype(np.int64)
    columns = {"user_id": _ids("u", person), "item_id": _ids("i", items), "type": pl.Series(kinds), "time_ms": times}
    return event_frame(
        pl.DataFrame(columns).unique(["user_id", "item_id", "type"], maintain_order=True).sort("time_ms")
    )


def _chosen(generator: np.random.Generator, size: Size, groups: IntArray, person: IntArray) -> IntArray:
    """The item of each event: by popularity within a group that the person likes, or by popularity alone."""
    popularity = generator.permutation(1 / np.arange(1, size.items + 1) ** 0.8)
    reached = np.cumsum(popularity)
    starts = np.concatenate([[0.0], reached])[np.searchsorted(groups, np.arange(_n_groups(size) + 1))]
    liked = generator.integers(0, _n_groups(size), (size.people, LIKED_GROUPS))
    group = liked[person, generator.integers(0, LIKED_GROUPS, len(person))]
    anything = generator.random(len(person)) < ANYTHING
    low, high = np.where(anything, 0.0, starts[group]), np.where(anything, reached[-1], starts[group + 1])
    drawn: FloatArray = low + generator.random(len(person)) * (high - low)
    return np.minimum(np.searchsorted(reached, drawn), size.items - 1)


def _items(generator: np.random.Generator, size: Size, groups: IntArray) -> pl.DataFrame:
    """Brands belong to a group, makers to a brand, categories to groups."""
    brands = groups * 5 + generator.integers(0, 5, size.items)
    number = np.arange(size.items)
    adjectives, nouns = (
        pl.Series(words)[generator.integers(0, len(words), size.items)] for words in (ADJECTIVES, NOUNS)
    )
    titles = pl.select(pl.format("{} {} {}", adjectives, nouns, pl.Series(number))).to_series()
    return pl.DataFrame(
        {
            "item_id": _ids("i", number),
            "title": titles,
            "category": np.asarray(CATEGORIES)[groups % len(CATEGORIES)],
            "brand": _ids("brand ", brands),
            "maker": _ids("maker ", brands // 3),
            "price": np.round(generator.lognormal(3, 0.8, size.items), 2),
            "available": generator.random(size.items) < 0.97,
        }
    )


def _ids(letter: str, numbers: IntArray) -> pl.Series:
    return pl.select(pl.format(letter + "{}", pl.Series(numbers))).to_series()
