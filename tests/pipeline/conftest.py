"""A small shop with two kinds of taste: tea people and coffee people, and a cup that everybody buys."""

from __future__ import annotations

import polars as pl
import pytest

from serendip.data import Dataset, Tables, event_frame
from serendip.pipeline import Pipeline, Recipe

TEA = [f"tea-{number}" for number in range(8)]
COFFEE = [f"coffee-{number}" for number in range(8)]


def shop_tables() -> Tables:
    rows = []
    for person in range(40):
        shelf = TEA if person % 2 else COFFEE
        bought = [shelf[(person // 2 + step) % 8] for step in range(5)]
        rows += [(f"p{person}", item, "purchase", person * 100 + place) for place, item in enumerate(bought)]
        rows.append((f"p{person}", "cup", "like", person * 100 + 99))
    users, items, types, times = zip(*rows, strict=True)
    events = event_frame({"user_id": users, "item_id": items, "type": types, "time_ms": times})
    ids = [*TEA, *COFFEE, "cup", "secret"]
    catalogue = pl.DataFrame(
        {
            "item_id": ids,
            "title": [id_.replace("-", " number ").title() for id_ in ids],
            "title_zh": ["茶" if id_ in TEA else "咖啡" if id_ in COFFEE else None for id_ in ids],
            "category": ["tea"] * 8 + ["coffee"] * 8 + ["ware", "ware"],
            "price": [float(place) for place in range(len(ids))],
            "tags": [["hot", "green"] if id_ in TEA else ["hot"] for id_ in ids],
            "hidden": [id_ == "secret" for id_ in ids],
        }
    )
    return Tables(events, catalogue)


@pytest.fixture(scope="session")
def shop() -> Dataset:
    return Dataset.from_tables(shop_tables())


@pytest.fixture(scope="session")
def pipeline(shop: Dataset) -> Pipeline:
    return Pipeline(Recipe.named("default")).fit(shop)
