"""Standing: whether an item can be recommended now, and what keeps it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from serendip.data.vocabulary import UNKNOWN
from serendip.pipeline import Pipeline
from serendip.pipeline.catalogue import may_be_shown
from serendip.pipeline.filters import RULE, by_rule
from serendip.pipeline.rules import Rules
from serendip.serving.deployment import Deployment
from serendip.store import Attributes, Store

Why = Literal[
    "hidden",
    "not available",
    "out of stock",
    "not in the catalogue",
    "rule of the recipe",
    "rule of the shop",
    "not read yet",
]


@dataclass(frozen=True)
class Standing:
    """How things stand with one item."""

    on_offer: bool
    why: tuple[Why, ...]
    """What keeps it back."""
    learned: bool
    """Whether models were fitted on what people did with it; else it is found by what is said of it alone."""
    model_version: str | None
    attributes: Attributes | None
    """None: it is not in the catalogue."""


def standing(item_id: str, store: Store, deployment: Deployment, rules: Rules) -> Standing:
    """How things stand with an item, under the rules of the shop; any id has an answer."""
    attributes, served = store.get("items", item_id), deployment.current
    said = tuple(_by_attributes(attributes))
    if served is None:
        return Standing(not said, said, False, None, attributes)
    why = tuple(_by_model(item_id, said, served.pipeline, rules))
    return Standing(not why, why, item_id in served.pipeline.learned, served.version, attributes)


def _by_attributes(attributes: Attributes | None) -> Iterator[Why]:
    if not attributes:
        yield "not in the catalogue"
    elif not may_be_shown(attributes):
        if attributes.get("hidden"):
            yield "hidden"
        if attributes.get("available", True) is False:
            yield "not available"
        stock = attributes.get("stock")
        if isinstance(stock, int | float) and not stock > 0:
            yield "out of stock"


def _by_model(item_id: str, said: tuple[Why, ...], pipeline: Pipeline, rules: Rules) -> Iterator[Why]:
    """By what the model filters; `said` is what the attributes have against the item."""
    catalogue = pipeline.catalogue
    rows = catalogue.vocabulary.rows([item_id])
    if rows[0] == UNKNOWN:
        yield from said or ("not read yet",)
        return
    for one in by_rule(catalogue, pipeline.recipe.filters):
        if not one.keeps(rows)[0]:
            yield from ("rule of the recipe",) if one.name == RULE else said or ("not read yet",)
    if not all(one.keeps(rows)[0] for one in rules.on(catalogue).filters):
        yield "rule of the shop"
