"""What is particular to user neighbours: the formula, who is left out, shares of events, ratings."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.algebra.similarity import nearest
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models.user_knn import UserKnn

SIMILARITIES = ["cosine", "jaccard", "bm25", "pearson", "adjusted_cosine"]


def rated(seed: int = 0, n_users: int = 30, n_items: int = 20) -> Dataset:
    """Everybody rates two thirds of the items; who is even likes even items a little more."""
    generator = np.random.default_rng(seed)
    people, things = np.nonzero(generator.random((n_users, n_items)) < 0.67)
    order = generator.permutation(len(people))
    people, things = people[order], things[order]
    values = np.clip(3 + (people % 2 == things % 2) + generator.integers(-2, 3, len(people)), 1, 5)
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": ["rating"] * len(people),
        "value": values.astype(float),
    }
    items = event_frame({"item_id": [f"i{row:02}" for row in range(n_items)]}).select("item_id")
    users = event_frame({"user_id": [f"u{row:02}" for row in range(n_users)]}).select("user_id")
    return Dataset.from_tables(Tables(event_frame(columns), items, users))


def strangers(data: Dataset) -> tuple[Dataset, Queries]:
    """The people to learn from, and the histories of five others."""
    learn = data.with_events(data.events.user_rows >= 5)
    return learn, data.histories(np.arange(5))


@pytest.mark.parametrize("neighbors", [1, 4, 30])
@pytest.mark.parametrize("shrinkage", [0.0, 5.0])
def test_scores_are_preferences_of_the_nearest_by_cosine(neighbors: int, shrinkage: float) -> None:
    learn, asked = strangers(rated())
    found = models.make("user_knn", {"neighbors": neighbors, "shrinkage": shrinkage}).fit(learn).score(asked)
    wants, history = learn.matrix().toarray().astype(np.float64), asked.matrix(20).toarray().astype(np.float64)
    for query, x in enumerate(history):
        norms = np.linalg.norm(wants, axis=1) * np.linalg.norm(x)
        like = np.divide(wants @ x, norms + shrinkage, where=norms > 0, out=np.zeros(len(wants)))
        like[((wants > 0) & (x == 0)).sum(axis=1) == 0] = 0
        order = np.argsort(-like, kind="stable")[:neighbors]
        weakest = like[order[-1]]
        if neighbors < 30 and np.count_nonzero(np.isclose(like, weakest)) > 1:
            continue  # of equals any may be kept
        np.testing.assert_allclose(found[query], like[order] @ wants[order], atol=1e-4)


def test_whose_every_item_is_known_is_no_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oneself would take the only place, also after the history has grown by an event."""
    pairs = [(u, i) for u, own in enumerate(["abc", "abd", "xyz"]) for i in own]
    frame = event_frame(
        {"user_id": [f"u{u}" for u, _ in pairs], "item_id": [i for _, i in pairs], "type": ["like"] * 9}
    )
    data = Dataset.from_tables(Tables(frame))
    a, b, c, d, x = data.items.vocabulary.rows(list("abcdx"))
    grown = Queries.of_histories(
        [(np.array(own), np.zeros(len(own)), np.ones(len(own))) for own in ([a, b, c], [a, b, c, x])]
    )
    model = models.make("user_knn", {"neighbors": 1, "shrinkage": 0}).fit(data)
    scores = model.score(grown)
    assert (scores[:, d] > 0).all()
    assert (scores[:, c] == 0).all()

    def with_oneself(rows, columns, measure, *rest):  # type: ignore[no-untyped-def]
        return nearest(rows, columns, type(measure)(measure.kind, measure.shrinkage, measure.count), *rest)

    monkeypatch.setattr("serendip.models.user_knn.nearest", with_oneself)
    scores = model.score(grown)
    assert (scores[:, d] == 0).all()
    assert (scores[:, c] > 0).all()


def test_a_faded_event_is_still_known() -> None:
    """With a short memory the old events of a long history round to nothing, but oneself is still no neighbour."""
    n = 150
    frame = event_frame(
        {
            "user_id": ["long"] * n + ["other"] * 2,
            "item_id": [f"i{row}" for row in range(n)] + [f"i{n - 1}", "new"],
            "type": ["like"] * (n + 2),
        }
    )
    data = Dataset.from_tables(Tables(frame))
    model = models.make("user_knn", {"neighbors": 1, "memory": 1.0, "shrinkage": 0}).fit(data)
    long = data.histories(data.users.vocabulary.rows(["long"]))
    assert (long.recent(1.0) == 0).any()
    assert model.score(long)[0, data.items.vocabulary.row("new")] > 0


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("memory", [None, 3.0])
def test_contributions_add_up_with_every_similarity(similarity: str, memory: float | None) -> None:
    learn, asked = strangers(rated())
    model = models.make("user_knn", {"similarity": similarity, "memory": memory, "neighbors": 5}).fit(learn)
    assert isinstance(model, UserKnn)
    rows = np.tile(np.arange(20), (5, 1))
    parts = model.contributions(asked, rows)
    totals = np.zeros((5, 20))
    np.add.at(totals, asked.query_rows, parts)
    np.testing.assert_allclose(totals, model.score(asked), atol=1e-5)
    assert totals.any()


@pytest.mark.parametrize("neighbors", [3, 100])
def test_ratings_by_the_nearest_raters(neighbors: int) -> None:
    learn, asked = strangers(rated())
    model = models.make("user_knn", {"similarity": "pearson", "neighbors": neighbors, "shrinkage": 2.0}).fit(learn)
    assert isinstance(model, UserKnn)
    assert model._baselines is not None
    base = model._baselines
    ratings = learn.ratings()
    left = np.full(ratings.shape, np.nan)
    for person, thing in zip(*ratings.nonzero(), strict=True):
        bias = base.people(ratings)[person] + base.items[thing] + base.mean
        left[person, thing] = ratings[person, thing] - bias
    own_ratings = base.history(asked)
    found = model.rate(asked, np.tile(np.arange(20), (5, 1)))
    for query in range(5):
        own = np.full(20, np.nan)
        known = own_ratings[[query]].indices
        own[known] = base.left_over(own_ratings)[[query]].data
        like = np.zeros(len(left))
        for person in range(len(left)):
            both = np.isfinite(left[person]) & np.isfinite(own)
            if both.any() and both.sum() < np.isfinite(left[person]).sum():
                e, f = left[person][both], own[both]
                like[person] = max(0, e @ f / np.sqrt((e @ e) * (f @ f)) * both.sum() / (both.sum() + 2))
        for thing in range(20):
            voters = np.flatnonzero((like > 0) & np.isfinite(left[:, thing]))
            voters = voters[np.argsort(-like[voters])][:neighbors]
            vote = like[voters] @ left[voters, thing] / like[voters].sum() if len(voters) else 0
            expected = base.mean + base.people(own_ratings)[query] + base.items[thing] + vote
            assert found[query, thing] == pytest.approx(np.clip(expected, 1, 5), abs=2e-3)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_blocks_and_saved_weights_rate_the_same(similarity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learn, asked = strangers(rated())
    model = models.make("user_knn", {"similarity": similarity}).fit(learn)
    assert isinstance(model, UserKnn)
    rows = np.tile(np.arange(20), (5, 1))
    whole = model.rate(asked, rows)
    monkeypatch.setattr("serendip.models.user_knn.CELLS", 1)
    np.testing.assert_array_equal(model.rate(asked, rows), whole)
    again = UserKnn(model.config).restore(model.weights())
    np.testing.assert_array_equal(again.rate(asked, rows), whole)
    np.testing.assert_array_equal(again.score(asked), model.score(asked))


@pytest.mark.parametrize("similarity", ["pearson", "adjusted_cosine"])
def test_similarities_of_ratings_learn_nothing_where_nobody_rates(similarity: str) -> None:
    frame = event_frame({"user_id": ["ann", "ann", "bo"], "item_id": ["tea", "cake", "tea"], "type": ["like"] * 3})
    data = Dataset.from_tables(Tables(frame))
    model = models.make("user_knn", {"similarity": similarity}).fit(data)
    assert isinstance(model, UserKnn)
    assert not model.score(data.histories()).any()
    assert not model.contributions(data.histories(), np.array([[0, 1], [0, 1]])).any()
    assert not model.rate(data.histories(), np.array([[0], [1]])).any()


def test_an_event_that_fades_counts_less() -> None:
    pairs = [("v", "old"), ("v", "p"), ("w", "new"), ("w", "q")]
    frame = event_frame({"user_id": [u for u, _ in pairs], "item_id": [i for _, i in pairs], "type": ["like"] * 4})
    data = Dataset.from_tables(Tables(frame))
    old, new, p, q = data.items.vocabulary.rows(["old", "new", "p", "q"])
    asked = Queries.of_histories([(np.array([old, new]), np.zeros(2), np.ones(2))])
    (fading,) = models.make("user_knn", {"memory": 2.0, "shrinkage": 0}).fit(data).score(asked)
    assert fading[p] == pytest.approx(np.exp(-0.5) * fading[q], rel=1e-5)
    (lasting,) = models.make("user_knn", {"shrinkage": 0}).fit(data).score(asked)
    assert lasting[p] == lasting[q]
