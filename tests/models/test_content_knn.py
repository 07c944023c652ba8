"""What is particular to content neighbours: the formula, options, items that join, and people who like new things."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.features import ItemContent
from serendip.models import content_knn
from serendip.models.content_knn import ContentKnn, ContentKnnConfig

BOOKS = pl.DataFrame(
    {
        "item_id": ["b0", "b1", "b2", "b3", "b4", "b5"],
        "title": ["The red tea", "Green tea", "A murder at sea", "Murder on a boat", "Tea and murder", None],
        "author": ["Lee", "Lee", "Bo; Ray", "Ray", "Bo", None],
    }
)


def catalogue(items: pl.DataFrame = BOOKS) -> Dataset:
    """Nobody has done anything with most of them."""
    events = event_frame({"user_id": ["ann", "ann"], "item_id": ["b0", "b1"], "type": ["like", "view"]})
    return Dataset.from_tables(Tables(events, items))


def fit(items: pl.DataFrame = BOOKS, **config: Any) -> ContentKnn:
    return ContentKnn(ContentKnnConfig(**config)).fit(catalogue(items))


def asked(*histories: list[int]) -> Queries:
    return Queries.of_histories([(np.array(h), np.arange(len(h)), np.ones(len(h))) for h in histories])


@pytest.mark.parametrize("weighting", ["tfidf", "bm25"])
@pytest.mark.parametrize("memory", [None, 2.0])
def test_a_score_is_a_sum_of_cosines(weighting: Any, memory: float | None) -> None:
    queries = catalogue().histories()
    vectors = ItemContent(weighting, 0.4).fit_encode(BOOKS).toarray()
    slow = np.zeros((1, 6))
    for event, item in enumerate(queries.item_rows):
        faded = 1.0 if memory is None else np.exp(-(len(queries.item_rows) - 1 - event) / memory)
        slow += queries.weights[event] * faded * (vectors @ vectors[item])
    model = fit(weighting=weighting, memory=memory, text=0.4, max_weighted=0)
    np.testing.assert_allclose(model.score(queries), slow, atol=1e-6)


def world(seed: int = 0) -> Dataset:
    """40 people and 30 films; people like films of one of two directors, and the colour of a film says nothing."""
    generator = np.random.default_rng(seed)
    items = pl.DataFrame(
        {
            "item_id": [f"f{row:02}" for row in range(30)],
            "director": [["Ann", "Bo"][row % 2] for row in range(30)],
            "colour": generator.choice(["red", "blue"], 30).tolist(),
            "title": [" ".join(generator.choice(["sea", "sun", "ice", "war"], 2)) for _ in range(30)],
        }
    )
    films = [generator.choice(15, 6, replace=False) * 2 + person % 2 for person in range(40)]
    films += [generator.choice(28, 5, replace=False) for _ in range(10)]
    events = {
        "user_id": [f"p{person}" for person, of in enumerate(films) for _ in of],
        "item_id": [f"f{film:02}" for of in films for film in of],
        "type": generator.choice(["like", "view"], sum(map(len, films))).tolist(),
    }
    return Dataset.from_tables(Tables(event_frame(events), items))


def importance_pair_by_pair(data: Dataset, l2: float) -> np.ndarray:
    """θ with a row of the regression for every pair of items, (D,)."""
    vectors = ItemContent("tfidf", ContentKnnConfig().text).fit_encode(data.items.attributes).toarray().astype(float)
    x = data.matrix().toarray().astype(float)
    lengths = np.linalg.norm(x, axis=0)
    wanted = np.flatnonzero(lengths)
    of_some = (vectors[wanted] > 0).sum(axis=0) > 1
    pairs = [(i, j) for i in wanted for j in wanted if i != j]
    both = np.array([vectors[i, of_some] * vectors[j, of_some] for i, j in pairs])
    cosines = np.array([x[:, i] @ x[:, j] / (lengths[i] * lengths[j]) for i, j in pairs])
    scale = (both.T @ cosines).sum() / (both.T @ both).sum()
    gram = both.T @ both + l2 * np.eye(both.shape[1])
    found = np.ones(vectors.shape[1])
    found[of_some] = np.maximum(np.linalg.solve(gram, both.T @ cosines / scale + l2), 0)
    return found


@pytest.mark.parametrize("l2", [0.1, 10.0])
def test_weights_are_the_ridge_regression_over_all_pairs(l2: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_knn, "PEOPLE_AT_ONCE", 7)
    model = ContentKnn(ContentKnnConfig(l2=l2)).fit(world())
    np.testing.assert_allclose(model.weights()["roots"] ** 2, importance_pair_by_pair(world(), l2), atol=1e-4)


def test_what_people_go_by_counts_more_than_what_they_do_not() -> None:
    data = world()
    found = dict(zip(_names(data), ContentKnn(ContentKnnConfig(l2=1)).fit(data).weights()["roots"], strict=True))
    people, colours = (found["director", name] for name in ("ann", "bo")), (found["colour", c] for c in ("red", "blue"))
    assert min(people) > 1.1 * max(colours)


def _names(data: Dataset) -> list[tuple[str, str]]:
    return ItemContent("tfidf", ContentKnnConfig().text).fit(data.items.attributes).names


def test_no_weight_is_below_zero() -> None:
    """The regression goes below 0 where films that share a word are liked together less often than others."""
    data = world()
    assert (importance_pair_by_pair(data, 1e-6) == 0).any()
    unbound = ContentKnn(ContentKnnConfig(l2=1e-6)).fit(data).weights()["roots"]
    assert (unbound >= 0).all()
    assert (unbound == 0).any()


def test_without_evidence_every_feature_counts_the_same() -> None:
    alone = world().with_events(np.arange(3))  # one person likes three things
    nobody = world().with_events(np.arange(0))
    for data in (alone.with_events(np.arange(1)), nobody):
        np.testing.assert_array_equal(ContentKnn().fit(data).weights()["roots"], 1.0)
    few = ContentKnn(ContentKnnConfig(max_weighted=2)).fit(world()).weights()["roots"]
    assert np.count_nonzero(few != 1) == 2


def test_much_l2_is_no_weights() -> None:
    stiff = ContentKnn(ContentKnnConfig(l2=1e12)).fit(world())
    np.testing.assert_allclose(stiff.weights()["roots"], 1.0, atol=1e-5)


def test_text_says_how_much_titles_count_against_authors() -> None:
    liked = asked([2])  # a murder at sea, by Bo and Ray
    by_title, by_author = fit(text=1.0).score(liked)[0], fit(text=0.0).score(liked)[0]
    assert by_title[3] > 0 < by_title[4]
    assert by_author[0] == by_author[1] == 0.0
    assert by_title[5] == by_author[5] == 0.0


def test_what_nobody_has_met_is_found_and_helps_to_find() -> None:
    assert np.argsort(-fit().score(asked([3]))[0])[:2].tolist() == [3, 2]


def test_many_queries_and_many_pairs_are_done_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = asked(*([row % 6, (row + 1) % 6] for row in range(10)))
    rows = np.tile(np.arange(6), (10, 1))
    whole, parts = fit().score(queries), fit().contributions(queries, rows)
    monkeypatch.setattr(content_knn, "QUERIES_AT_ONCE", 3)
    monkeypatch.setattr(content_knn, "PAIRS_AT_ONCE", 7)
    np.testing.assert_allclose(fit().score(queries), whole, atol=1e-6)
    np.testing.assert_allclose(fit().contributions(queries, rows), parts, atol=1e-6)


def test_to_add_items_is_to_fit_with_them_given_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = fit(BOOKS[:4]).add_items(BOOKS[4:])
    known = ItemContent("tfidf", ContentKnnConfig().text).fit(BOOKS[:4])
    assert (grown.weights()["roots"] == 1).all()
    monkeypatch.setattr(ItemContent, "fit_encode", lambda self, items: known.encode(items))
    whole = fit()
    everybody = asked([0], [4, 5], [1, 2, 3, 4])
    np.testing.assert_array_equal(grown.score(everybody), whole.score(everybody))


def test_an_item_with_unknown_words_only_scores_nothing() -> None:
    stranger = pl.DataFrame({"item_id": ["new"], "title": ["xyzzy"], "weight_in_grams": [3.0]})
    assert fit().add_items(stranger).score(asked([0, 1, 2]))[0, 6] == 0.0


def test_items_without_any_attribute_score_nothing() -> None:
    model = fit(BOOKS.select("item_id"))
    np.testing.assert_array_equal(model.score(asked([0, 1])), np.zeros((1, 6)))
    np.testing.assert_array_equal(model.contributions(asked([0]), np.array([[0, 1]])), np.zeros((1, 2)))
