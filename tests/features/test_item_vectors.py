"""Vectors of items: each kind of content apart, whitened; what says nothing is zeros and harms nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from serendip.errors import InputError
from serendip.features.directions import Whitening, leading_directions, unit
from serendip.features.item_vectors import ItemVectors


def shelf(n_items: int = 60) -> pl.DataFrame:
    """Teas and boots by turns; sounds say the same as titles, and of some nothing is known."""
    generator = np.random.default_rng(0)
    tea = np.arange(n_items) % 2 == 0
    sounds = generator.standard_normal((n_items, 8)) + 3 * tea[:, None] + 100
    return pl.DataFrame(
        {
            "item_id": [f"i{place}" for place in range(n_items)],
            "title": [
                None if place % 10 == 9 else f"{'green tea' if warm else 'rain boots'} {generator.integers(5)}"
                for place, warm in enumerate(tea)
            ],
            "sound": [None if place % 7 == 6 else row.tolist() for place, row in enumerate(sounds)],
        },
        schema_overrides={"sound": pl.List(pl.Float64)},
    )


def test_each_kind_says_what_it_knows() -> None:
    items = shelf()
    contents = ItemVectors("attributes+text:words+column:sound", 4).fit_encode(items)
    assert list(contents) == ["attributes", "text:words", "column:sound"]
    for kind, column in (("attributes", "title"), ("text:words", "title"), ("column:sound", "sound")):
        vectors = contents[kind]
        assert vectors.dtype == np.float32
        assert vectors.shape[1] <= 4
        known = items[column].is_not_null().to_numpy()
        np.testing.assert_array_equal(vectors.any(axis=1), known)
        tea = np.arange(60) % 2 == 0
        near = unit(vectors) @ unit(vectors[known & tea].mean(axis=0, keepdims=True)).T
        assert near[known & tea].mean() > near[known & ~tea].mean() + 0.2


@pytest.mark.parametrize("kinds", ["attributes+column:sound", "text:words+column:sound"])
def test_new_items_and_restored_readers_say_the_same(kinds: str) -> None:
    items = shelf()
    reader = ItemVectors(kinds, 8)
    contents = reader.fit_encode(items)
    other = ItemVectors(kinds, 8).restore(reader.arrays())
    assert list(contents) == kinds.split("+")
    for kind, vectors in other.encode(items[20:30]).items():
        np.testing.assert_allclose(vectors, contents[kind][20:30], atol=1e-6)
    untold = reader.encode(items.select("item_id")[:3])
    assert {kind: part.shape for kind, part in untold.items()} == {
        k: (3, part.shape[1]) for k, part in contents.items()
    }
    assert not any(part.any() for part in untold.values())


def test_a_kind_that_says_nothing_is_no_kind() -> None:
    assert ItemVectors().fit_encode(pl.DataFrame({"item_id": ["a", "b"]})) == {}
    assert ItemVectors("text:words").fit_encode(pl.DataFrame({"item_id": ["a", "b"], "title": [None, None]})) == {}
    assert ItemVectors("").fit_encode(shelf()) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda items: items.drop("sound"), "items have no column 'sound' of vectors"),
        (lambda items: items.with_columns(sound=pl.lit("la la")), "'sound' of items holds String, not vectors"),
        (lambda items: items.with_columns(sound=pl.Series([[1.0], [1.0, 2.0]] * 30)), "have 1 to 2 numbers"),
        (lambda items: items.with_columns(sound=pl.Series([[1.0], [float("nan")]] * 30)), "not finite"),
    ],
)
def test_columns_that_hold_no_vectors_are_said(change: Callable[[pl.DataFrame], pl.DataFrame], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ItemVectors("column:sound").fit_encode(change(shelf()))


def test_vectors_of_another_width_are_refused_later() -> None:
    reader = ItemVectors("column:sound")
    reader.fit_encode(shelf())
    with pytest.raises(InputError, match="vectors of column:sound have 3 numbers, not 8"):
        reader.encode(pl.DataFrame({"item_id": ["new"], "sound": [[1.0, 2.0, 3.0]]}))


def test_another_encoder_under_the_same_name_is_refused() -> None:
    reader = ItemVectors("text:words")
    reader.fit_encode(shelf())
    arrays = reader.arrays()
    arrays["encoder.text:words.idf"] = arrays["encoder.text:words.idf"] * 2
    with pytest.raises(
        InputError, match="the encoder of text:words on this machine is another one than was learned with"
    ):
        ItemVectors("text:words").restore(arrays)


@pytest.mark.parametrize("kinds", ["words", "text", "text:", "attributes:all", "attributes+sounds"])
def test_kinds_that_do_not_exist_are_said(kinds: str) -> None:
    with pytest.raises(InputError, match=r"there is no kind of content .*; there are attributes, text:ENCODER and"):
        ItemVectors(kinds)


def test_whitened_directions_are_equally_strong() -> None:
    generator = np.random.default_rng(1)
    vectors = (generator.standard_normal((500, 6)) * [9, 5, 3, 1, 1e-9, 0] + 40).astype(np.float32)
    whitening = Whitening.fit(vectors, 10)
    found = whitening(vectors, np.ones(500, bool))
    spread = np.cov(found, rowvar=False)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(spread - np.diag(np.diagonal(spread)), 0, atol=1e-4)
    assert found.shape[1] == 4
    assert np.linalg.norm(found, axis=1).mean() == pytest.approx(1, abs=0.2)
    assert np.diagonal(spread)[:3] == pytest.approx(0.25, rel=0.1)
    plain = vectors - vectors.mean(axis=0)
    assert np.linalg.norm(plain, axis=1).mean() > 5  # without: the strongest direction drowns the others


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_anything_can_be_whitened(rows: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((rows, 3)).astype(np.float32)
    assert np.isfinite(Whitening.fit(vectors, 2)(vectors, np.ones(rows, bool))).all()


def test_leading_directions_are_those_of_a_full_decomposition() -> None:
    import scipy.sparse as sp

    x = sp.random_array((40, 30), density=0.3, rng=np.random.default_rng(2)).tocsr()
    found = leading_directions(x, 5)
    exact = np.linalg.svd(x.toarray())[2][:5].T
    np.testing.assert_allclose(np.abs((found * exact).sum(axis=0)), 1, atol=1e-4)
    assert leading_directions(sp.csr_array((4, 3)), 2).shape == (3, 1)


def test_unevenness_leaves_strong_directions_stronger() -> None:
    generator = np.random.default_rng(1)
    scales = np.array([9, 3, 1, 0.3])
    vectors = (generator.standard_normal((500, 4)) * scales).astype(np.float32)
    spread = {}
    for unevenness in (1e-6, 1.0, 1e6, None):
        found = Whitening.fit(vectors, 4, unevenness)(vectors, np.ones(500, bool))
        spread[unevenness] = found.std(axis=0) / found.std(axis=0)[0]
    np.testing.assert_allclose(spread[1e-6], 1, atol=1e-3)
    assert (np.diff(spread[1.0]) < 0).all()
    assert (spread[1.0] > spread[None] + [-1, 0.01, 0.01, 0.01]).all()
    np.testing.assert_allclose(spread[1e6], spread[None], rtol=1e-3)
    np.testing.assert_allclose(spread[None], vectors.std(axis=0) / vectors.std(axis=0)[0], rtol=0.1)
