"""Facts: what is known of items, as a graph of relations; and who is whose friend."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from serendip.world.catalogue import Catalogue
from serendip.world.items import Item
from serendip.world.people import People


def relations(catalogue: Catalogue, people: People) -> pl.DataFrame:
    """Columns `head`, `relation`, `tail`: facts in the order of items, then each friendship once."""
    facts = [(item.item_id, relation, tail) for item in catalogue.items for relation, tail in _facts(item)]
    friends = [(people.user_ids[one], "friend", people.user_ids[other]) for one, other in people.friends.tolist()]
    schema = {"head": pl.String, "relation": pl.String, "tail": pl.String}
    return pl.DataFrame(facts + friends, schema=schema, orient="row")


def _facts(item: Item) -> Iterator[tuple[str, str]]:
    yield "category", item.category.name.en
    yield "kind", item.kind.name.en
    yield "style", item.style.name.en
    yield "brand", item.brand
    yield item.category.maker.en, item.maker.name
    yield "colour", item.colour.name.en
    if item.theme:
        yield "theme", item.theme.name.en
    if item.material:
        yield "material", item.material.name.en
