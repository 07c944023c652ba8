"""What is particular to EASE: both ways to the one solution, and figures known from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from serendip import models
from serendip.algebra.symmetric import STRIP
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models import ease
from serendip.models.ease import in_float32, through_items, through_people, without_self
from serendip.training import FitOptions


def preferences(people: int, items: int, seed: int = 0) -> sp.csr_array:
    generator = np.random.default_rng(seed)
    dense = (generator.random((people, items)) < 0.2) * generator.choice([0.2, 0.7, 1.0], (people, items))
    return sp.csr_array(dense, dtype=np.float32)


def reference(x: sp.csr_array, l2: float) -> np.ndarray:
    """Steck's equation 8 in plain float64."""
    dense = x.toarray().astype(np.float64)
    p = np.linalg.inv(dense.T @ dense + l2 * np.eye(dense.shape[1]))
    b = -p / np.diagonal(p)
    np.fill_diagonal(b, 0.0)
    return b


@pytest.mark.parametrize("shape", [(30, 80), (80, 80), (200, 80), (40, STRIP + 70)])
@pytest.mark.parametrize("l2", [0.1, 10.0, 1000.0])
def test_all_ways_reach_the_plain_solution(shape: tuple[int, int], l2: float) -> None:
    x = preferences(*shape)
    expected = reference(x, l2)
    for way in (through_items, through_people, in_float32):
        p = way(x, l2)
        if p is None:
            assert (way, l2) == (in_float32, 0.1)
            continue
        found = without_self(p)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5 if way is not in_float32 else 1e-3)


def test_what_float32_would_spoil_is_computed_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near twins, and a λ that vanishes beside them."""
    twins = np.repeat(preferences(200, 10).toarray() > 0, 2, axis=1).astype(np.float32)
    twins[0] = np.arange(20) % 2
    x, l2 = sp.csr_array(np.tile(twins, (500, 1))), 1e-3
    assert in_float32(x, l2) is None
    expected = reference(x, l2)
    chosen = ease._inverse(x, ease.EaseConfig(l2=l2, updatable=False), FitOptions(threads=1))
    np.testing.assert_allclose(without_self(chosen), expected, atol=1e-5)
    l2 = 0.01  # here the inverse exists in float32, but nothing like the true one
    assert in_float32(x, l2) is None
    expected = reference(x, l2)
    monkeypatch.setattr(ease, "ROUGH", np.inf)
    spoilt = in_float32(x, l2)
    assert spoilt is not None
    assert not np.allclose(without_self(spoilt), expected, atol=1e-3)


def test_the_solution_is_the_best_there_is() -> None:
    """Each column is the ridge regression of an item on all others, and no item predicts itself."""
    x, l2 = preferences(60, 25), 3.0
    found, dense = without_self(through_items(x, l2)), x.toarray().astype(np.float64)
    for item in range(25):
        others = np.delete(np.arange(25), item)
        gram = dense[:, others].T @ dense[:, others] + l2 * np.eye(24)
        alone = np.linalg.solve(gram, dense[:, others].T @ dense[:, item])
        np.testing.assert_allclose(found[others, item], alone, atol=1e-5)
        assert found[item, item] == 0


def likes(pairs: list[tuple[str, str]]) -> Dataset:
    users, items = zip(*pairs, strict=True)
    return Dataset.from_tables(Tables(event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(pairs)})))


def test_only_the_most_wanted_take_part_where_there_are_too_many() -> None:
    pairs = [(f"u{person}", f"i{item}") for item in range(6) for person in range(10 - item)]
    data = likes(pairs)
    scores = models.make("ease", {"max_items": 3, "l2": 1}).fit(data).score(data.histories())
    taking_part = np.flatnonzero(np.abs(scores).sum(axis=0) > 0)
    assert data.items.vocabulary.ids(taking_part) == ["i0", "i1", "i2"]


def test_what_is_kept_is_a_square_of_float32_over_the_wanted_items() -> None:
    data = likes([("ann", "tea"), ("bo", "tea"), ("bo", "cake")])
    extra = event_frame({"item_id": ["tea", "cake", *[f"i{row}" for row in range(100)]]}).select("item_id")
    wider = Dataset.from_tables(
        Tables(
            event_frame({"user_id": ["ann", "bo", "bo"], "item_id": ["tea", "tea", "cake"], "type": ["like"] * 3}),
            extra,
        )
    )
    assert (data.n_items, wider.n_items) == (2, 102)
    assert models.make("ease").fit(wider).weights()["b"].nbytes == 2 * 2 * 4


def test_a_history_is_answered_by_the_sum_of_its_rows() -> None:
    data = likes([(f"u{person}", f"i{(person + step) % 9}") for person in range(9) for step in range(3)])
    model = models.make("ease", {"l2": 2}).fit(data)
    one, other = (np.array([row]) for row in (1, 5))
    alone = model.score(Queries.of_histories([(one, np.zeros(1), np.ones(1)), (other, np.zeros(1), np.full(1, 0.2))]))
    both = model.score(Queries.of_histories([(np.array([1, 5]), np.zeros(2), np.array([1.0, 0.2]))]))
    np.testing.assert_allclose(both[0], alone.sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("people", [20, 100])  # fewer than items, and more
def test_a_fitted_model_scores_by_the_plain_solution(people: int) -> None:
    generator = np.random.default_rng(people)
    pairs = np.argwhere(generator.random((people, 40)) < 0.3)
    data = likes([(f"u{person}", f"i{item}") for person, item in pairs])
    found = models.make("ease", {"l2": 5}).fit(data).score(data.histories())
    np.testing.assert_allclose(found, data.matrix().toarray() @ reference(data.matrix(), 5), atol=1e-5)


def test_a_fading_history_counts_its_newest_event_most() -> None:
    data = likes([(f"u{person}", f"i{(person + step) % 9}") for person in range(9) for step in range(3)])
    fading = models.make("ease", {"l2": 2, "memory": 1.5}).fit(data)
    lasting = models.make("ease", {"l2": 2}).fit(data)
    np.testing.assert_array_equal(fading.weights()["b"], lasting.weights()["b"])  # what is learned from is a set
    history = Queries.of_histories([(np.array([1, 5]), np.arange(2), np.ones(2))])
    faded = Queries.of_histories([(np.array([1, 5]), np.arange(2), np.exp([-1 / 1.5, 0]))])
    np.testing.assert_allclose(fading.score(history), lasting.score(faded), atol=1e-6)


def test_without_what_it_takes_it_says_that_it_cannot_forget() -> None:
    data = likes([(f"u{person}", f"i{(person + step) % 9}") for person in range(9) for step in range(3)])
    settings = {"l2": 2, "updatable": False}
    small = models.make("ease", settings).fit(data)
    whole = models.make("ease", {"l2": 2}).fit(data)
    assert small.weights()["b"].nbytes == whole.weights()["b"].nbytes
    assert "p" not in small.weights()
    np.testing.assert_allclose(small.weights()["b"], whole.weights()["b"], atol=1e-5)
    with pytest.raises(RuntimeError, match="updatable"):
        small.exchange(data.histories(), data.histories())


def test_saved_and_opened_it_still_forgets() -> None:
    data = likes([(f"u{person}", f"i{(person + step) % 9}") for person in range(9) for step in range(3)])
    model, gone = models.make("ease", {"l2": 2}).fit(data), np.array([3])
    opened = models.make("ease", {"l2": 2}).restore(model.weights())
    opened.exchange(data.histories(gone), Queries.of_histories([(np.empty(0),) * 3]))
    without = models.make("ease", {"l2": 2}).fit(data.with_events(data.events.user_rows != 3))
    np.testing.assert_allclose(opened.weights()["p"], without.weights()["p"], atol=1e-12)


def test_everybody_may_be_forgotten_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    data = likes([(f"u{person}", f"i{(person + step) % 9}") for person in range(40) for step in range(3)])
    monkeypatch.setattr(ease, "AT_ONCE", 7)
    model = models.make("ease", {"l2": 2}).fit(data)
    model.exchange(data.histories(), Queries.of_histories([(np.empty(0),) * 3] * 40))
    np.testing.assert_allclose(model.weights()["b"], 0, atol=1e-12)


def test_what_was_never_learned_is_not_forgotten() -> None:
    data = likes([("ann", "tea"), ("bo", "tea"), ("bo", "cake")])
    model = models.make("ease", {"l2": 1}).fit(data)
    weights = {key: array.copy() for key, array in model.weights().items()}
    many = Queries.of_histories([(np.array([0, 1]), np.zeros(2), np.ones(2))] * 9)
    with pytest.raises(ValueError, match="never learned"):
        model.exchange(many, Queries.of_histories([(np.empty(0),) * 3] * 9))
    for key, array in model.weights().items():
        np.testing.assert_array_equal(array, weights[key])
