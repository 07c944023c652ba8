"""Symmetric matrices in half the memory: against plain ones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import linalg

from serendip.algebra import symmetric
from serendip.algebra.symmetric import Packed


@pytest.fixture(autouse=True, params=[7, 384])
def strip(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symmetric, "STRIP", request.param)


def rows(people: int = 60, items: int = 45, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return ((generator.random((people, items)) < 0.2) * generator.random((people, items))).astype(np.float32)


def plain(x: np.ndarray, l2: float = 0.0) -> np.ndarray:
    wide = x.astype(np.float64)
    return np.asarray(wide.T @ wide + l2 * np.eye(x.shape[1]))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_gram_matrix_of_sparse_rows(n_threads: int) -> None:
    x = rows()
    packed = Packed.gram(sp.csr_array(x), 2.0, n_threads)
    np.testing.assert_allclose(packed.whole(np.float64), plain(x, 2.0), atol=1e-12)
    np.testing.assert_allclose(packed.diagonal(), np.diagonal(plain(x, 2.0)), atol=1e-12)
    np.testing.assert_allclose(Packed.product(x.astype(np.float64)).whole(np.float64), plain(x), atol=1e-12)


def test_rows_in_any_order_of_their_cells() -> None:
    """A row is read up to the strip's end, so its cells must ascend; those of products of scipy need not."""
    x = sp.csr_array(rows())
    turned = sp.csr_array((x.data[::-1], x.indices[::-1], np.cumsum([0, *np.diff(x.indptr)[::-1]])), shape=x.shape)
    assert not turned.has_sorted_indices
    np.testing.assert_allclose(Packed.gram(turned, 0.0).whole(np.float64), plain(x.toarray()), atol=1e-12)


@pytest.mark.parametrize(("dtype", "precision"), [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_the_inverse(dtype: type, precision: float) -> None:
    x = rows()
    found = Packed.gram(sp.csr_array(x), 2.0, 1, dtype).invert()
    assert found.cells.dtype == dtype
    np.testing.assert_allclose(found.whole(np.float64), np.linalg.inv(plain(x, 2.0)), atol=precision)
    np.testing.assert_array_equal(found.whole(dtype), found.whole(dtype).T)


def test_what_is_not_positive_definite_has_no_such_inverse() -> None:
    x = np.ones((3, 20), np.float32)
    with pytest.raises(linalg.LinAlgError, match="positive definite"):
        Packed.gram(sp.csr_array(x), -1.0).invert()


def test_products_with_dense_rows() -> None:
    x, dense = rows(), np.random.default_rng(1).random((4, 45))
    packed = Packed.gram(sp.csr_array(x), 2.0)
    for _, part in packed.strips():  # what lies to the right of the diagonal is not looked at
        part[np.triu_indices_from(part, 1 + part.shape[1] - len(part))] = np.nan
    np.testing.assert_allclose(packed.times(dense), dense @ plain(x, 2.0), atol=1e-12)
    assert np.isfinite(packed.whole()).all()


def test_rows_exchanged_in_the_inverse() -> None:
    x, others = rows(), rows(5, seed=2)
    found = Packed.gram(sp.csr_array(x), 2.0).invert()
    found.exchange_rows(x[:5], others)
    changed = np.concatenate([others, x[5:]])
    np.testing.assert_allclose(found.whole(np.float64), np.linalg.inv(plain(changed, 2.0)), atol=1e-12)


def test_without_rows_there_is_nothing_to_do() -> None:
    packed = Packed.gram(sp.csr_array((3, 0), dtype=np.float32), 1.0).invert()
    assert packed.whole().shape == (0, 0)
    assert packed.diagonal().shape == (0,)
