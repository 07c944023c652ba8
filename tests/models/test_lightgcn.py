"""LightGCN: what its steps over the graph add, its losses, and answers for people with and without vectors."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models.lightgcn import LightGcn, LightGcnConfig
from serendip.training import FitOptions

ONE = FitOptions(seed=3, threads=1)


def likes(pairs: list[tuple[int, int]]) -> Dataset:
    columns = {"user_id": [f"u{u:03}" for u, _ in pairs], "item_id": [f"i{i:02}" for _, i in pairs]}
    return Dataset.from_tables(Tables(event_frame(columns | {"type": ["like"] * len(pairs)})))


def chains(length: int = 10, people: int = 3) -> Dataset:
    """Two chains of items; each person likes two neighbours, so that nobody likes both of two further apart."""
    links = [(start + step, start + step + 1) for start in (0, length) for step in range(length - 1)]
    return likes([(3 * link + who, item) for link, both in enumerate(links) for who in range(people) for item in both])


def tastes(n_people: int = 300, n_items: int = 40, liked_by_all: float = 0.0) -> Dataset:
    """Each person likes some of the eight items around a place of their own on a ring, and one at random."""
    generator, pairs = np.random.default_rng(0), set()
    for person in range(n_people):
        centre = generator.integers(n_items)
        pairs |= {(person, int(centre + step) % n_items) for step in range(8) if generator.random() < 0.6}
        pairs.add((person, int(generator.integers(n_items))))
        if generator.random() < liked_by_all:
            pairs.add((person, 7))
    return likes(sorted(pairs))


def asked(*histories: list[int]) -> Queries:
    return Queries.of_histories([(np.array(h), np.zeros(len(h)), np.ones(len(h))) for h in histories])


def right(model: models.Model, data: Dataset, withheld: Dataset) -> float:
    """How often something withheld is above something that the person never liked."""
    known, wanted = data.matrix().toarray() > 0, withheld.matrix().toarray() > 0
    scores = model.score(data.histories())
    unwanted = ~known & ~wanted
    parts = [(row[w][:, None] > row[n]).mean() for row, w, n in zip(scores, wanted, unwanted, strict=True) if w.any()]
    return float(np.mean(parts))


@pytest.fixture(scope="module")
def halves() -> tuple[Dataset, Dataset]:
    """To learn from, and withheld."""
    data = tastes()
    hidden = np.random.default_rng(1).random(len(data.events)) < 0.25
    return data.with_events(~hidden), data.with_events(hidden)


def test_further_steps_reach_what_nobody_likes_together() -> None:
    """Before anything is learned: from the start of one chain, its third item against those of the other chain."""
    reach = []
    for layers in (2, 4):
        config = LightGcnConfig(layers=layers, learning_rate=1e-9, epochs=1, embedding_size=4_096)
        scores = LightGcn(config).fit(chains(), ONE).score(asked([0]))[0]
        reach.append((scores[2] - scores[10:].mean()) / scores[10:].std())
    assert reach[1] > 3
    assert reach[1] > 2 * reach[0]


@pytest.mark.parametrize("settings", [{}, {"loss": "bpr"}, {"ids": True}, {"layers": 2}])
def test_it_learns_what_people_will_like(settings: dict[str, object], halves: tuple[Dataset, Dataset]) -> None:
    known, withheld = halves
    fixed = {"patience": 0, "epochs": 30, "embedding_size": 16}
    learned = right(models.make("lightgcn", fixed | settings).fit(known, ONE), known, withheld)
    start = right(models.make("lightgcn", fixed | settings | {"learning_rate": 1e-9}).fit(known, ONE), known, withheld)
    assert learned > 0.8
    assert learned > start + 0.02


def test_somebody_new_with_the_same_history_gets_the_same_answer(halves: tuple[Dataset, Dataset]) -> None:
    known, _ = halves
    for ids in (False, True):
        model = LightGcn(LightGcnConfig(ids=ids, epochs=2)).fit(known, ONE)
        history = known.matrix()[[5]].indices
        stranger = asked(history.tolist())
        np.testing.assert_allclose(model.score(stranger), model.score(known.histories(np.array([5]))), atol=1e-6)


def test_ids_change_what_is_learned(halves: tuple[Dataset, Dataset]) -> None:
    known, _ = halves
    one, other = (LightGcn(LightGcnConfig(ids=ids, epochs=2)).fit(known, ONE).item_vectors() for ids in (False, True))
    assert not np.allclose(one, other, atol=1e-3)


def test_how_wanted_an_item_is_tells_in_its_length() -> None:
    """Item 7 is liked by two of three, whatever their taste."""
    lengths = []
    for share in (0.0, 0.67):
        data = tastes(liked_by_all=share)
        model = LightGcn(LightGcnConfig(epochs=20, patience=0, embedding_size=16)).fit(data, ONE)
        row = int(data.items.vocabulary.rows(["i07"])[0])
        found = np.linalg.norm(model.item_vectors(), axis=1)
        lengths.append(found[row] / np.median(found))
    assert lengths[1] > 1.2 * lengths[0]


def test_another_seed_is_another_model(halves: tuple[Dataset, Dataset]) -> None:
    known, _ = halves
    one, other = (LightGcn(LightGcnConfig(epochs=1)).fit(known, FitOptions(seed=s, threads=1)) for s in (0, 1))
    assert not np.array_equal(one.item_vectors(), other.item_vectors())
