"""What an item map says of one history: the product, without the rest of the catalogue."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.retrieval import Reached, best_of


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 12), st.floats(0.0, 0.6), st.integers(0, 2**32 - 1))
def test_it_is_the_product(n_items: int, n_events: int, density: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    item_map = sp.random_array((n_items, n_items), density=density, format="csr", dtype=np.float32, rng=random)
    rows = random.integers(0, n_items, n_events).astype(np.int32)
    weights = random.choice([0.0, 0.2, 1.0], n_events).astype(np.float32)
    expected = np.zeros(n_items, np.float32)
    for row, weight in zip(rows, weights, strict=True):
        expected += weight * item_map[[row]].toarray()[0]
    reached = Reached.of(item_map, rows, weights)
    everything = np.arange(n_items, dtype=np.int32)
    np.testing.assert_allclose(reached.scores(everything), expected, atol=1e-5)
    allowed = random.random(n_items) < 0.7
    rows = np.flatnonzero(allowed & (reached.scores(everything) > 0))
    for k in (0, 1, 5, 100):
        found, scores = reached.best(k, allowed)
        wanted, best = best_of(rows, reached.scores(rows), k, n_items)
        assert found.tolist() == wanted.tolist()
        np.testing.assert_array_equal(scores, best)


def test_rows_that_fall_on_one_place_of_the_table_are_kept_apart() -> None:
    n_items = 5_000
    columns = np.arange(0, n_items, 7, dtype=np.int32)
    item_map = sp.csr_array(
        (np.ones(len(columns), np.float32), columns, np.r_[0, np.full(n_items, len(columns))]), shape=(n_items, n_items)
    )
    scores = Reached.of(item_map, np.zeros(1, np.int32), np.ones(1, np.float32)).scores(np.arange(n_items))
    assert np.flatnonzero(scores).tolist() == columns.tolist()
