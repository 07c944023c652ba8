"""Products of sparse rows of which only the largest are kept; baselines of ratings."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks.ratings import Bias
from serendip.algebra import similarity
from serendip.algebra.baselines import Baselines
from serendip.algebra.similarity import CORRELATION, PRODUCT, UNION, Measure, Things, nearest, spread
from serendip.data import Dataset, Tables, event_frame


def random_things(n: int, cells: int, share: float, seed: int = 0) -> Things:
    generator = np.random.default_rng(seed)
    whole = np.where(generator.random((n, cells)) < share, generator.random((n, cells)) + 0.1, 0)
    matrix = sp.csr_array(whole.astype(np.float32))
    return Things(matrix, np.linalg.norm(whole, axis=1).astype(np.float32))


@pytest.mark.parametrize("share", [0.01, 0.5])  # noted one by one, and looked through whole
@pytest.mark.parametrize("kind", [PRODUCT, UNION, CORRELATION])
@pytest.mark.parametrize("contained", [True, False])
def test_agrees_with_whole_products(share: float, kind: int, contained: bool) -> None:
    rows, columns = random_things(30, 40, share), random_things(300, 40, share, 1)
    x, y = rows.cells.toarray().astype(float), columns.cells.toarray().astype(float)
    product, shared = x @ y.T, (x > 0).astype(float) @ (y > 0).T
    a, b = rows.sizes[:, None], columns.sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == PRODUCT:
            expected = product / (a * b + 2)
        elif kind == UNION:
            expected = product / (a + b - product + 2)
        else:
            expected = product / np.sqrt((x**2 @ (y > 0).T) * ((x > 0) @ (y**2).T)) * shared / (shared + 2)
    expected[product == 0] = 0
    if not contained:
        expected[shared == (y > 0).sum(axis=1)] = 0
    measure = Measure(kind, 2.0, 7, contained=contained, ordered=True)
    found = nearest(rows, columns, measure)
    assert np.diff(found.indptr).max() <= 7
    for row in range(30):
        best = np.sort(expected[row])[::-1][:7]
        own = found.data[found.indptr[row] : found.indptr[row + 1]]
        np.testing.assert_allclose(own, best[best > 0], rtol=1e-4)
        np.testing.assert_allclose(own, expected[row, found[[row]].indices], rtol=1e-4)


def test_threads_and_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    things = random_things(200, 50, 0.2)
    measure = Measure(PRODUCT, 1.0, 9, themselves=True)
    whole = nearest(things, things, measure)
    monkeypatch.setattr(similarity, "PART_CELLS", 20)
    parted = nearest(things, things, measure, n_threads=2)
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(parted, name), getattr(whole, name))
    assert not whole.diagonal().any()


def test_progress_ends_where_it_should() -> None:
    told: list[tuple[int, int]] = []
    things = random_things(50, 20, 0.3)
    nearest(things, things, Measure(PRODUCT, 1.0, 3), progress=lambda _, done, total: told.append((done, total)))
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]


def test_nothing_in_nothing_out() -> None:
    none = Things(sp.csr_array((0, 5), dtype=np.float32), np.empty(0, np.float32))
    some = random_things(4, 5, 0.5)
    assert nearest(none, some, Measure(PRODUCT, 0.0, 2)).shape == (0, 4)
    assert nearest(some, none, Measure(PRODUCT, 0.0, 2)).shape == (4, 0)


def test_spread_is_the_product() -> None:
    left, right = random_things(20, 30, 0.3).cells, random_things(30, 40, 0.3, 1).cells
    np.testing.assert_allclose(spread(left, right, 2), (left @ right).toarray(), rtol=1e-5)


def test_baselines_are_those_that_every_model_must_beat() -> None:
    generator = np.random.default_rng(0)
    pairs = np.unique(generator.integers(0, 20, (200, 2)), axis=0)
    columns = {
        "user_id": [f"u{row}" for row in pairs[:, 0]],
        "item_id": [f"i{row}" for row in pairs[:, 1]],
        "type": ["rating"] * len(pairs),
        "value": generator.integers(1, 6, len(pairs)).astype(float),
    }
    data = Dataset.from_tables(Tables(event_frame(columns)))
    base = Baselines.of(data)
    assert base is not None
    rows = np.tile(np.arange(data.n_items), (data.n_users, 1))
    found = base.rating(base.history(data.histories()), rows, np.zeros(rows.shape))
    expected = Bias().fit(data).rate(data.histories(), rows)
    np.testing.assert_allclose(found, np.clip(expected, 1, 5), atol=1e-5)
