"""What is particular to hybrid EASE: it is EASE for what people met, and content for what nobody has met."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models.hybrid_ease import item_content

KINDS = ["tea", "lamp", "boot"]


def shop(items: int = 40, fresh: int = 6, people: int = 90) -> Dataset:
    """People who each like one kind of thing; the last `fresh` things are new, and their titles say of what kind."""
    generator = np.random.default_rng(0)
    kind = np.arange(items) % 3
    liked = generator.random((people, items)) < np.where(kind == np.arange(people)[:, None] % 3, 0.5, 0.05)
    liked[:, items - fresh :] = False
    pairs = np.argwhere(liked)
    columns = {
        "user_id": [f"u{person}" for person, _ in pairs],
        "item_id": [f"i{item:02}" for _, item in pairs],
        "type": ["like"] * len(pairs),
    }
    titles = [f"{KINDS[row % 3]} {row}" for row in range(items)]
    table = pl.DataFrame({"item_id": [f"i{row:02}" for row in range(items)], "title": titles})
    return Dataset.from_tables(Tables(event_frame(columns), table))


def without_attributes(data: Dataset) -> Dataset:
    events = data.events
    columns = {
        "user_id": data.users.vocabulary.ids(events.user_rows),
        "item_id": data.items.vocabulary.ids(events.item_rows),
        "type": ["like"] * len(events),
    }
    return Dataset.from_tables(Tables(event_frame(columns), data.items.attributes.select("item_id")))


@pytest.mark.parametrize("memory", [None, 4.0])
def test_without_attributes_it_is_ease(memory: float | None) -> None:
    data = without_attributes(shop())
    hybrid = models.make("hybrid_ease", {"l2": 20, "memory": memory}).fit(data)
    plain = models.make("ease", {"l2": 20, "memory": memory}).fit(data)
    np.testing.assert_allclose(hybrid.score(data.histories()), plain.score(data.histories()), atol=1e-6)


def test_with_attributes_what_people_met_is_scored_as_by_ease() -> None:
    data = shop()
    hybrid = models.make("hybrid_ease", {"l2": 20}).fit(data).score(data.histories())
    plain = models.make("ease", {"l2": 20}).fit(data).score(data.histories())
    np.testing.assert_allclose(hybrid[:, :34], plain[:, :34], atol=1e-6)
    assert np.all(plain[:, 34:] == 0)


def test_what_nobody_met_is_scored_by_its_kind() -> None:
    data = shop()
    scores = models.make("hybrid_ease", {"history_l2": 100}).fit(data).score(data.histories())[:, 34:]
    assert [KINDS[row % 3] for row in range(34, 40)] == ["lamp", "boot", "tea"] * 2
    own = (np.arange(34, 40) % 3) == (np.arange(90) % 3)[:, None]
    assert (np.where(own, scores, np.inf).min(axis=1) > np.where(own, -np.inf, scores).max(axis=1)).mean() > 0.9


def test_the_map_of_content_is_two_ridge_regressions() -> None:
    data = shop()
    settings = {"content_l2": 3.0, "history_l2": 150.0}
    found = models.make("hybrid_ease", settings).fit(data).score(data.histories())[:, 34:]
    x = data.matrix().toarray().astype(np.float64)
    f = item_content(data.items.attributes).toarray().astype(np.float64)
    warm = slice(0, 34)
    columns = np.linalg.solve(f[warm] @ f[warm].T + 3.0 * np.eye(34), f[warm] @ f[34:].T)  # of each new item
    gram = x[:, warm].T @ x[:, warm]
    kind = x[:, warm] @ np.linalg.solve(gram + 150.0 * np.eye(34), gram)
    np.testing.assert_allclose(found, kind @ columns, atol=1e-5)


def test_shrinkage_lends_content_to_what_few_have_met() -> None:
    data = shop()
    ease, mixed, content = (
        models.make("hybrid_ease", {"shrinkage": shrinkage}).fit(data).score(data.histories())[:, 5]
        for shrinkage in (0, 30, 1e9)
    )
    people = data.matrix().toarray()[:, 5].sum()
    np.testing.assert_allclose(mixed, (people * ease + 30 * content) / (people + 30), atol=1e-5)
    assert not np.allclose(ease, content, atol=1e-3)


def test_items_beyond_the_bound_are_scored_by_content() -> None:
    data = shop()
    scores = models.make("hybrid_ease", {"max_items": 20}).fit(data).score(data.histories())
    assert np.all(np.abs(scores).sum(axis=0) > 0)


def test_saved_and_opened_it_has_the_same_reasons() -> None:
    data = shop()
    model = models.make("hybrid_ease", {"shrinkage": 5}).fit(data)
    opened = models.make("hybrid_ease", {"shrinkage": 5}).restore(model.weights())
    rows = np.tile(np.arange(40), (90, 1))
    assert isinstance(model, models.Attributes)
    assert isinstance(opened, models.Attributes)
    parts = model.contributions(data.histories(), rows)
    np.testing.assert_array_equal(parts, opened.contributions(data.histories(), rows))
    assert parts[:, 34:].any()


def test_a_history_of_new_items_says_nothing() -> None:
    model = models.make("hybrid_ease").fit(shop())
    fresh = Queries.of_histories([(np.array([36, 39]), np.zeros(2), np.ones(2))])
    np.testing.assert_array_equal(model.score(fresh), np.zeros((1, 40)))


def test_attributes_of_every_sort_become_numbers() -> None:
    table = pl.DataFrame(
        {
            "item_id": ["a", "b", "c", "d"],
            "title": ["green tea", "black tea", None, ""],
            "category": [["x", "y"], ["x"], [], None],
            "year": [1990, 2000, None, 1995],
            "hot": [True, False, None, True],
            "when": [None, None, None, None],
        },
        schema_overrides={"category": pl.List(pl.String)},
    )
    found = item_content(table).toarray()
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, 0], 1)
    np.testing.assert_allclose((found**2).sum(axis=1), [5, 5, 1, 3], atol=1e-5)
    alike = found @ found.T
    assert alike[0, 3] > alike[1, 3]  # the nearer year, and hot too
    assert item_content(table.select("item_id")).shape == (4, 0)
    assert item_content(table.select("item_id", "when")).shape == (4, 0)
    assert item_content(table.clear()).shape[0] == 0
