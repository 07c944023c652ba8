"""Leading singular vectors against LAPACK's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.algebra import spectrum
from serendip.algebra.spectrum import leading


def matrix(rows: int, columns: int, seed: int = 0) -> sp.csr_array:
    """Sparse, with a spectrum that falls slowly, and a column without anything."""
    generator = np.random.default_rng(seed)
    dense = generator.random((rows, columns)) < np.linspace(0.02, 0.2, columns)
    dense[:, 3] = False
    return sp.csr_array(dense.astype(np.float32))


def captured(x: sp.csr_array, vectors: np.ndarray) -> float:
    """How much of x lies in the span of the vectors, as a sum of squares."""
    return float(((x @ vectors).astype(np.float64) ** 2).sum())


@pytest.mark.parametrize("shape", [(90, 60), (60, 90)])
@pytest.mark.parametrize("small", [0, spectrum.SMALL])
def test_values_and_vectors_are_those_of_lapack(
    shape: tuple[int, int], small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spectrum, "SMALL", small)
    monkeypatch.setattr(spectrum, "SPARE", 4)
    x = matrix(*shape)
    values, vectors = leading(x, 6, np.random.default_rng(1), sweeps=12)
    expected = np.linalg.svd(x.toarray())
    np.testing.assert_allclose(values, expected[1][:6], rtol=1e-4)
    np.testing.assert_allclose(np.abs((vectors * expected[2][:6].T).sum(axis=0)), 1, atol=1e-2)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(6), atol=1e-5)


def test_few_sweeps_capture_nearly_all_of_a_slowly_falling_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum, "SMALL", 0)
    x = matrix(700, 600)
    values, vectors = leading(x, 40, np.random.default_rng(1))
    best = np.linalg.svd(x.toarray())[1][1:40] ** 2  # the first is easy
    assert captured(x, vectors[:, 1:]) > 0.995 * best.sum()
    # The same block without a sweep does not.
    assert captured(x, leading(x, 40, np.random.default_rng(1), sweeps=0)[1][:, 1:]) < 0.9 * best.sum()
    np.testing.assert_allclose((values.astype(np.float64) ** 2).sum(), captured(x, vectors), rtol=1e-4)


def test_the_same_seed_gives_the_same_vectors_and_their_signs_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum, "SMALL", 0)
    x = matrix(300, 200)
    one, other = (leading(x, 10, np.random.default_rng(4), sweeps=2)[1] for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert (np.take_along_axis(one, np.abs(one).argmax(axis=0)[None], axis=0) > 0).all()


def test_a_column_without_anything_has_no_part_in_any_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    for small in (spectrum.SMALL, 0):
        monkeypatch.setattr(spectrum, "SMALL", small)
        assert not leading(matrix(300, 200), 8, np.random.default_rng(0), sweeps=1)[1][3].any()


def test_no_more_vectors_than_there_are_values_above_0() -> None:
    values, vectors = leading(sp.csr_array(np.ones((5, 7), np.float32)), 4, np.random.default_rng(0))
    assert vectors.shape == (7, 1)
    np.testing.assert_allclose(values, [np.sqrt(35)], rtol=1e-6)
    assert leading(sp.csr_array((5, 7), dtype=np.float32), 4, np.random.default_rng(0))[1].shape == (7, 0)
