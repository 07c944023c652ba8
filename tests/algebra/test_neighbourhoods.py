"""Small problems over neighbourhoods: against plain, dense ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.algebra import neighbourhoods
from serendip.algebra.neighbourhoods import Gram, elastic_net, gram, ridge, solved


def rows(people: int = 300, items: int = 60, density: float = 0.2) -> sp.csr_array:
    generator = np.random.default_rng(people)
    wanted = generator.random((people, items)) < density
    return sp.csr_array((wanted * generator.choice([0.2, 1.0], wanted.shape)).astype(np.float32))


def plain(x: sp.csr_array) -> np.ndarray:
    wide = x.toarray().astype(np.float64)
    return np.asarray(wide.T @ wide)


def dense(found: Gram) -> np.ndarray:
    return np.asarray(sp.csr_array(found.cells, shape=(found.size, found.size)).toarray())


def cosines(x: sp.csr_array) -> np.ndarray:
    full = plain(x)
    lengths = np.sqrt(np.diagonal(full))
    return np.asarray(full / lengths / lengths[:, None])


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_sparse_gram_matrix(n_threads: int) -> None:
    x = rows()
    found = gram(x, n_threads)
    np.testing.assert_allclose(dense(found), plain(x), rtol=1e-6)
    np.testing.assert_allclose(found.diagonal, np.diagonal(plain(x)), rtol=1e-6)
    values, columns, ends = found.cells
    assert all(np.all(np.diff(columns[start:stop]) > 0) for start, stop in pairwise(ends))
    assert (values.dtype, columns.dtype) == (np.float32, np.int32)


def test_of_too_many_pairs_the_most_alike_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows()
    whole = np.count_nonzero(plain(x))
    monkeypatch.setattr(neighbourhoods, "PAIRS", 1_500)  # 12 for each item
    found = dense(gram(x))
    kept = found != 0
    assert np.count_nonzero(kept) <= 1_500 < whole
    np.testing.assert_array_equal(found, found.T)
    alike = cosines(x)
    ranks = np.argsort(np.argsort(-alike, axis=1), axis=1)
    np.testing.assert_array_equal(kept, (ranks < 12) | (ranks.T < 12))


def test_with_all_for_neighbours_it_is_ridge_regression_on_all_others() -> None:
    x, l2 = rows(), 3.0
    found = solved(gram(x), 100, ridge, (l2,), 1).toarray()
    for item in range(60):
        others = np.delete(np.arange(60), item)
        system = plain(x)[np.ix_(others, others)] + l2 * np.eye(59)
        np.testing.assert_allclose(found[others, item], np.linalg.solve(system, plain(x)[others, item]), atol=1e-6)
        assert found[item, item] == 0


@pytest.mark.parametrize(("items", "count"), [(60, 8), (400, 3)])  # of 400, rows of G are searched, not read through
def test_else_it_is_ridge_regression_on_the_most_alike(items: int, count: int) -> None:
    assert (items > neighbourhoods.FEW * count) == (items == 400)
    x, l2 = rows(200, items), 3.0
    found = solved(gram(x), count, ridge, (l2,), 1).toarray()
    alike = cosines(x) - 2 * np.eye(items)
    for item in range(items):
        own = np.argsort(-alike[:, item])[:count]
        system = plain(x)[np.ix_(own, own)] + l2 * np.eye(count)
        expected = np.zeros(items)
        expected[own] = np.linalg.solve(system, plain(x)[own, item])
        np.testing.assert_allclose(found[:, item], expected, atol=1e-6)


def test_the_elastic_net_is_where_no_weight_wants_to_move() -> None:
    x, l2, l1 = rows(), 3.0, 0.5
    found = solved(gram(x), 100, elastic_net, (l2, l1, 500.0, 1e-7), 1).toarray()
    slope = plain(x) - plain(x) @ found - l2 * found - l1
    np.fill_diagonal(slope, -1)
    assert found.min() == 0
    assert np.abs(slope[found > 0]).max() < 1e-4
    assert slope[found == 0].max() < 1e-4
    assert 0.1 < (found > 0).mean() < 0.9


@pytest.mark.parametrize(("solve", "settings"), [(ridge, (3.0,)), (elastic_net, (3.0, 0.5, 50.0, 1e-3))])
def test_threads_do_not_change_the_answer(solve: neighbourhoods.Solve, settings: tuple[float, ...]) -> None:
    found = [solved(gram(rows(), n), 20, solve, settings, n) for n in (1, 3)]
    np.testing.assert_array_equal(found[0].toarray(), found[1].toarray())


def test_a_block_that_lost_cells_still_has_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without most of its pairs G is no longer positive definite; items that nothing is left of have no weight."""
    people = np.repeat(np.eye(3), [40, 30, 30], axis=0) @ np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1]])
    found = gram(sp.csr_array(people.astype(np.float32)))
    values, columns, ends = (array.copy() for array in found.cells)
    values[(columns == 1) & (np.repeat(np.arange(4), np.diff(ends)) == 2)] = 0
    values[(columns == 2) & (np.repeat(np.arange(4), np.diff(ends)) == 1)] = 200  # more than both wanted by anybody
    answer = solved(Gram((values, columns, ends), found.diagonal), 3, ridge, (1e-6,), 1)
    assert np.isfinite(answer.data).all()


def test_nobody_and_nothing() -> None:
    for shape in ((3, 0), (0, 4), (3, 4)):
        found = gram(sp.csr_array(shape, dtype=np.float32))
        assert solved(found, 10, ridge, (1.0,), 1).nnz == 0


def test_progress_ends_at_the_last_item() -> None:
    heard: list[tuple[int, int]] = []
    solved(gram(rows()), 5, ridge, (1.0,), 1, lambda _, done, total: heard.append((done, total)))
    assert heard[0] == (0, 60)
    assert heard[-1] == (60, 60)
