"""What is particular to BPR: the gradient, the history that stands for the person, and how negatives are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.algebra.pairwise import Draws, Rates, Vectors, Wants, step_through
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models import Model
from serendip.training import FitOptions

N_ITEMS = 30
ONE = FitOptions(threads=1)
CONFIG = {"embedding_size": 8, "epochs": 20}


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(1)
    people = generator.integers(0, 60, 700)
    things = (generator.zipf(1.4, 700) % 15 + 10 * (people % 2)) % N_ITEMS
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": generator.choice(["view", "like", "cart"], 700).tolist(),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.fixture(scope="module")
def model(data: Dataset) -> Model:
    return models.make("bpr", CONFIG).fit(data, ONE)


def start(n_items: int, width: int) -> Vectors:
    generator = np.random.default_rng(2)
    sources, targets = (generator.standard_normal((n_items, width)).astype(np.float32) for _ in range(2))
    return Vectors(sources, targets, generator.standard_normal(n_items).astype(np.float32))


def rates(learning: float, pull: float = 0.0) -> Rates:
    return Rates(*(np.float32(number) for number in (learning, pull, pull, pull, 0.0, 0.5)))


def even(n_items: int, tries: int = 1) -> Draws:
    return Draws(tries, np.float32(0), np.arange(n_items, dtype=np.int32))


def slow(vectors: Vectors, items: list[int], weights: list[float], other: int, learning: float) -> Vectors:
    """One visit by the book: for each item its history without it, the loss, its gradient; sources at once."""
    sources, targets, bias = (side.astype(np.float64) for side in vectors)
    for item, weight in zip(items, weights, strict=True):
        rest = [(j, w) for j, w in zip(items, weights, strict=True) if j != item]
        scale = sum(w for _, w in rest) ** -0.5
        person = scale * sum(w * sources[j] for j, w in rest)
        difference = targets[item] - targets[other]
        step = learning * weight / (1 + np.exp(bias[item] - bias[other] + person @ difference))
        targets[item] += step * person
        targets[other] -= step * person
        bias[item] += step
        bias[other] -= step
        for j, w in rest:
            sources[j] += step * scale * w * difference
    return Vectors(sources, targets, bias)


def test_a_visit_takes_the_steps_of_the_formula() -> None:
    """Four items, three of them wanted: what is not wanted can only be the fourth."""
    items, weights = [0, 1, 3], [1.0, 0.3, 0.7]
    wants = Wants(np.array([0, 3]), np.array(items, np.int32), np.array(weights, np.float32))
    found, expected = start(4, 5), slow(start(4, 5), items, weights, 2, 0.1)
    step_through(found, wants, rates(0.1), even(4), np.array([0]), np.uint64(1))
    for side, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(side, other, atol=1e-5)
    assert not np.allclose(found.sources, start(4, 5).sources, atol=1e-3)


def test_pulls_draw_towards_0() -> None:
    wants = Wants(np.array([0, 2]), np.array([0, 1], np.int32), np.ones(2, np.float32))
    free, pulled = start(4, 5), start(4, 5)
    for vectors, pull in ((free, 0.0), (pulled, 0.5)):
        step_through(vectors, wants, rates(0.1, pull), even(4), np.array([0] * 20), np.uint64(1))
    assert np.linalg.norm(pulled.sources[:2]) < np.linalg.norm(free.sources[:2])
    assert np.linalg.norm(pulled.targets) < np.linalg.norm(free.targets)


def test_what_is_wanted_is_never_a_negative() -> None:
    """Somebody who wants all but one item: a biased draw would push the wanted ones down."""
    wants = Wants(np.array([0, 9]), np.arange(9, dtype=np.int32), np.ones(9, np.float32))
    vectors = start(10, 4)
    before = vectors.bias.copy()
    step_through(vectors, wants, rates(0.1), even(10), np.array([0]), np.uint64(1))
    assert (vectors.bias[:9] > before[:9]).all()
    assert vectors.bias[9] < before[9]


def test_who_wants_everything_teaches_nothing() -> None:
    wants = Wants(np.array([0, 4]), np.arange(4, dtype=np.int32), np.ones(4, np.float32))
    vectors = start(4, 5)
    step_through(vectors, wants, rates(0.1), even(4), np.array([0]), np.uint64(1))
    np.testing.assert_allclose(vectors.bias, start(4, 5).bias)


def test_of_several_negatives_the_best_scored_is_learned_from() -> None:
    wants = Wants(np.array([0, 2]), np.array([0, 1], np.int32), np.ones(2, np.float32))
    many, one = start(50, 5), start(50, 5)
    for vectors, tries in ((many, 300), (one, 1)):
        vectors.bias[7] = 100
        step_through(vectors, wants, rates(0.001), even(50, tries), np.array([0]), np.uint64(3))
    assert many.bias[7] < 100
    assert one.bias[7] == 100


def test_negatives_by_popularity_are_more_popular(data: Dataset) -> None:
    popular = data.matrix().sum(axis=0)
    biases = []
    for share in (0.0, 1.0):
        fitted = models.make("bpr", CONFIG | {"popularity": share, "negatives": 1}).fit(data, ONE)
        biases.append(np.corrcoef(popular, fitted.weights()["bias"])[0, 1])
    assert biases[1] < biases[0]


def test_scores_are_those_of_the_formula(data: Dataset, model: Model) -> None:
    sources, targets, bias = (model.weights()[name].astype(np.float64) for name in ("sources", "targets", "bias"))
    weights = data.matrix().toarray().astype(np.float64)
    people = (weights @ sources) / np.sqrt(weights.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(model.score(data.histories()), people @ targets.T + bias, atol=1e-5)


def test_a_memory_fades_the_history_asked_with(data: Dataset, model: Model) -> None:
    fading = models.make("bpr", CONFIG | {"memory": 2.0}).fit(data, ONE)
    np.testing.assert_array_equal(fading.weights()["sources"], model.weights()["sources"])
    one = data.histories(np.array([3]))
    sources, targets, bias = (model.weights()[name] for name in ("sources", "targets", "bias"))
    recent = one.recent(2.0)
    person = recent @ sources[one.item_rows] / np.sqrt(recent.sum())
    np.testing.assert_allclose(fading.score(one)[0], targets @ person + bias, atol=1e-5)
    assert not np.allclose(fading.score(one), model.score(one), atol=1e-3)


def test_an_item_that_nobody_met_says_nothing_beside_others(data: Dataset) -> None:
    unmet = 4
    fitted = models.make("bpr", CONFIG).fit(data.with_events(data.events.item_rows != unmet), ONE)
    alone, beside = ((np.array(items), np.zeros(len(items)), np.ones(len(items))) for items in ([1], [1, unmet]))
    scores = fitted.score(Queries.of_histories([alone, beside]))
    np.testing.assert_array_equal(scores[0], scores[1])


def test_more_epochs_put_more_wanted_above_unwanted(data: Dataset) -> None:
    wanted = data.matrix().toarray() > 0

    def right(epochs: int) -> float:
        scores = models.make("bpr", CONFIG | {"epochs": epochs}).fit(data, ONE).score(data.histories())
        return float(np.mean([(row[own][:, None] > row[~own]).mean() for row, own in zip(scores, wanted, strict=True)]))

    assert right(30) > right(1)


def test_weights_of_any_size_do_not_blow_up(data: Dataset) -> None:
    heavy = data.signals.model_copy(update={"weights": {"view": 1000.0, "like": 1.0, "cart": 500.0}})
    columns = {"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"], "type": ["view", "like", "cart"]}
    dataset = Dataset.from_tables(Tables(event_frame(columns)), heavy)
    assert np.isfinite(models.make("bpr", CONFIG).fit(dataset, ONE).score(dataset.histories())).all()


def test_another_seed_is_another_model(data: Dataset, model: Model) -> None:
    other = models.make("bpr", CONFIG).fit(data, FitOptions(seed=1, threads=1))
    assert not np.array_equal(other.weights()["targets"], model.weights()["targets"])


def test_progress_counts_the_epochs(data: Dataset) -> None:
    told: list[tuple[str, int, int]] = []
    models.make("bpr", CONFIG).fit(data, FitOptions(progress=lambda *words: told.append(words)))
    assert told == [("BPR", done, 20) for done in range(21)]
