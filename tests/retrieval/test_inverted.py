"""Lists save most of the work and, with slack, miss a few of the best. What every index keeps: test_contract."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serendip.errors import InputError
from serendip.retrieval import InvertedLists, inverted
from serendip.retrieval.codes import Product
from tests.retrieval.test_contract import D, K, N, by_force, items, people, share


@pytest.fixture(scope="module")
def index() -> InvertedLists:
    return InvertedLists.build(items())


def test_with_slack_it_misses_little(index: InvertedLists) -> None:
    queries = people(100)
    wanted = by_force(items(), queries, K, np.ones(N, bool))
    found = {slack: share(replace(index, slack=slack).search(queries, K)[0], wanted) for slack in (0.0, 0.5, 1.0)}
    assert found[0.0] < found[0.5] < found[1.0] == 1
    assert found[0.5] > 0.95


def test_it_looks_on_until_it_has_enough_that_may_be_listed(index: InvertedLists) -> None:
    rare = np.random.default_rng(5).random(N) < 0.02
    rows, _ = replace(index, slack=0.2).search(people(5), K, rare)
    assert (rows >= 0).all()


def test_each_item_lies_in_one_list(index: InvertedLists) -> None:
    assert np.sort(index.order).tolist() == list(range(N))
    assert index.offsets[-1] == N


def test_turned_axes_leave_products_as_they_are() -> None:
    vectors = items(500)
    for width in (D, D - 3):
        coder = Product.learn(vectors[:, :width], np.ones(500), np.random.default_rng(0))
        np.testing.assert_allclose(coder.rotation @ coder.rotation.T, np.eye(width), atol=1e-5)


def test_words_learned_by_weight_serve_long_vectors_better() -> None:
    """They lead rankings; without weights there are too few of them to be learned from."""
    vectors = items(5_000)
    lengths = np.linalg.norm(vectors, axis=1).astype(np.float64)
    long = vectors[lengths > np.quantile(lengths, 0.95)]

    def missed(weights: np.ndarray) -> float:
        coder = Product.learn(vectors, weights, np.random.default_rng(0))
        return float(np.square(coder._decode(coder.encode(long)) - long @ coder.rotation).sum())

    assert missed(lengths) < 0.9 * missed(np.ones(len(vectors)))


def test_unchecked_one_broken_vector_would_spoil_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """The off-switch of the guard: a centre that is no number draws all items into its list."""
    broken = items()
    broken[7, 3] = np.nan
    with pytest.raises(InputError, match="row 7"):
        InvertedLists.build(broken)
    monkeypatch.setattr(inverted, "checked", lambda vectors, width=None: np.ascontiguousarray(vectors, np.float32))
    with np.errstate(invalid="ignore"):
        assert np.diff(InvertedLists.build(broken).offsets).max() > N / 2
    assert np.diff(InvertedLists.build(items()).offsets).max() < N / 10
