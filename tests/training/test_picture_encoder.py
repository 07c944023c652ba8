"""The picture encoder: it sees colours and shapes, tells labels, and brings together what people like together."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.training import FitOptions, picture_encoder
from serendip.training.picture_encoder import SIDE, CataloguePictures, moved, together

OPTIONS = FitOptions(seed=1, threads=1)


def shapes(n_items: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Discs and crosses of any colour, at any place, and which is which."""
    generator = np.random.default_rng(0)
    discs = np.arange(n_items) % 2 == 0
    pixels = generator.integers(0, 60, (n_items, SIDE, SIDE, 3)).astype(np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    for row in range(n_items):
        cy, cx = generator.integers(18, SIDE - 18, 2)
        inside = (y - cy) ** 2 + (x - cx) ** 2 < 140
        cross = ((abs(y - cy) < 4) & (abs(x - cx) < 16)) | ((abs(x - cx) < 4) & (abs(y - cy) < 16))
        pixels[row][inside if discs[row] else cross] = generator.integers(120, 255, 3)
    return pixels, discs


def tastes(discs: np.ndarray) -> sp.csr_array:
    """Everybody likes ten of one kind."""
    generator = np.random.default_rng(1)
    rows = [generator.choice(np.flatnonzero(discs == (person % 2)), 10, replace=False) for person in range(80)]
    columns = np.concatenate(rows)
    return sp.csr_array((np.ones(800), (np.repeat(np.arange(80), 10), columns)), shape=(80, len(discs)))


@pytest.mark.parametrize("kind", ["cnn", "vit"])
@pytest.mark.parametrize("taught_by", ["labels", "people"])
def test_it_tells_shapes_it_has_never_seen(kind: str, taught_by: str) -> None:
    pixels, discs = shapes()
    known, new = slice(0, 120), slice(120, 160)
    labels = (
        sp.csr_array(np.stack([discs, ~discs], 1)[known].astype(np.float32))
        if taught_by == "labels"
        else sp.csr_array((120, 0))
    )
    matrix = tastes(discs[known]) if taught_by == "people" else sp.csr_array((1, 120))
    encoder = CataloguePictures(kind)  # type: ignore[arg-type]
    encoder.fit(pixels[known], np.ones(120, bool), labels, matrix, OPTIONS)
    near = encoder.encode(pixels[new]) @ encoder.encode(pixels[known]).T  # (40, 120)
    nearest = discs[known][np.argsort(-near, axis=1)[:, :5]].mean(axis=1) > 0.5
    assert (nearest == discs[new]).mean() > 0.85
    if taught_by == "labels":
        assert ((encoder.labels(pixels[new])[:, 0] > 0.5) == discs[new]).mean() > 0.85
    again = CataloguePictures(kind).restore(encoder.arrays())  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.encode(pixels[new]), encoder.encode(pixels[new]))


def test_pictures_that_are_not_there_teach_nothing() -> None:
    pixels, discs = shapes(20)
    encoder = CataloguePictures().fit(
        pixels, np.zeros(20, bool), sp.csr_array((20, 2)), tastes(np.arange(20) % 2 == 0), OPTIONS
    )
    assert encoder.encode(pixels[:0]).shape == (0, picture_encoder.WIDTH)
    pairs = together(tastes(discs), np.arange(20) < 10, np.random.default_rng(0))
    assert pairs.max() < 10


def test_pairs_are_of_one_person_and_of_two_things() -> None:
    _, discs = shapes()
    pairs = together(tastes(discs), np.ones(160, bool), np.random.default_rng(0))
    assert len(pairs) > 400
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert (discs[pairs[:, 0]] == discs[pairs[:, 1]]).all()


def test_moved_pictures_are_mirrored_or_shifted() -> None:
    pixels = np.zeros((400, SIDE, SIDE, 3), np.uint8)
    pixels[:, 20, 10] = 255
    found = moved(pixels, np.random.default_rng(0))
    _, rows, columns = np.nonzero(found[..., 0])
    assert set(rows) == set(range(16, 25))
    assert set(columns) == {*range(6, 15), *(SIDE - 1 - column for column in range(6, 15))}
