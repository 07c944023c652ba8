"""The cache of vectors: nothing is encoded twice, nothing is mixed up, nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from serendip.errors import InputError
from serendip.features.vector_cache import VectorCache


class Lengths:
    """Says how long a text is, and remembers what it was asked."""

    def __init__(self, identity: str = "lengths", factor: float = 1.0) -> None:
        self.identity, self.factor = identity, factor
        self.asked: list[str] = []

    def encode(self, values: Sequence[str]) -> np.ndarray:
        self.asked += values
        return np.array([[len(value) * self.factor, 1.0] for value in values], np.float32).reshape(-1, 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "vectors.sqlite"


def test_a_second_run_encodes_nothing_and_one_item_more_encodes_one(file: Path) -> None:
    encoder, texts = Lengths(), [f"{place} " * (place % 7) for place in range(1_500)]
    first = VectorCache(file).encode(encoder, texts)  # type: ignore[arg-type]
    np.testing.assert_array_equal(first, Lengths().encode(texts))
    assert sorted(encoder.asked) == sorted(set(texts))
    encoder.asked.clear()
    again = VectorCache(file).encode(encoder, [*texts[::-1], "new"])  # type: ignore[arg-type]
    np.testing.assert_array_equal(again, [*first[::-1], [3, 1]])
    assert encoder.asked == ["new"]


def test_another_encoder_is_asked_anew(file: Path) -> None:
    VectorCache(file).encode(Lengths(), ["a"])  # type: ignore[arg-type]
    other = VectorCache(file).encode(Lengths("others", 5.0), ["a"])  # type: ignore[arg-type]
    np.testing.assert_array_equal(other, [[5, 1]])


def test_without_a_file_it_only_encodes_and_nothing_is_fine(file: Path) -> None:
    encoder = Lengths()
    for _ in range(2):
        VectorCache().encode(encoder, ["a"])  # type: ignore[arg-type]
    assert encoder.asked == ["a", "a"]
    assert VectorCache(file).encode(encoder, []).shape == (0, 2)  # type: ignore[arg-type]


def test_several_write_at_once(file: Path) -> None:
    def work(start: int) -> np.ndarray:
        return VectorCache(file).encode(Lengths(), ["x" * n for n in range(start, start + 50)])  # type: ignore[arg-type]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(0, 100, 10)))
    for start, vectors in zip(range(0, 100, 10), found, strict=True):
        np.testing.assert_array_equal(vectors[:, 0], np.arange(start, start + 50))


def test_a_file_that_is_no_cache_is_said_and_stays(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"something else altogether, and long enough to be looked at" * 20)
    with pytest.raises(InputError, match=r"vectors\.sqlite is no cache of vectors"):
        VectorCache(file).encode(Lengths(), ["a"])  # type: ignore[arg-type]
    assert file.read_bytes().startswith(b"something else")
