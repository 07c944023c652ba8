"""Content reader: what items are, as `features.item_vectors` reads it, and what their pictures show.

    picture:cnn, picture:vit    what a small network taught on the catalogue itself (`training.picture_encoder`) sees

beside `attributes`, `text:ENCODER` and `column:NAME`. Pictures are the files that the attribute `image` names, in the
folder `FitOptions.pictures`; one that cannot be opened is told to the progress and costs its item nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import polars as pl
import scipy.sparse as sp

from serendip.data import Dataset
from serendip.data.arrays import BoolArray, FloatArray, Sparse
from serendip.errors import InputError
from serendip.features.columns import blocks
from serendip.features.directions import Whitening
from serendip.features.item_vectors import Arrays, ItemVectors, below
from serendip.features.pictures import THUMBNAIL, Pixels, thumbnails
from serendip.training.options import FitOptions

if TYPE_CHECKING:  # loaded where there are pictures to be read: it brings torch
    from serendip.training.picture_encoder import CataloguePictures

PICTURE = "picture:"
KINDS = ("cnn", "vit")
IMAGE = "image"


class ContentReader:
    """Items to one matrix for each kind of content."""

    def __init__(self, contents: str, width: int, options: FitOptions = FitOptions(), even: bool = True) -> None:
        """Not `even`: see `Whitening.fit`.

        Raises:
            InputError: there is no such kind of content.
        """
        kinds = [kind for kind in contents.split("+") if kind]
        self._pictures = [kind for kind in kinds if kind.startswith(PICTURE)]
        for kind in self._pictures:
            if kind.removeprefix(PICTURE) not in KINDS:
                raise InputError(f"there is no kind of content {kind!r}; pictures are read by {' or '.join(KINDS)}")
        self._others = ItemVectors(
            "+".join(kind for kind in kinds if kind not in self._pictures), width, options.vectors, even
        )
        self._width, self._even, self._folder = width, even, options.pictures or Path()
        self._seen: dict[str, tuple[CataloguePictures, Whitening]] = {}

    def fit_encode(self, dataset: Dataset, options: FitOptions) -> dict[str, FloatArray]:
        """Learn from the items of `dataset`, and give (N, K) float32 for each kind that says anything at all.

        Raises:
            InputError: there is no such encoder, or no such column of vectors of one width.
        """
        items = dataset.items.attributes
        found = self._others.fit_encode(items)
        if self._pictures:
            pixels, there = self._opened(items, options)
            for kind in self._pictures if there.any() else []:
                encoder = _encoder(kind).fit(pixels, there, _labels(items), dataset.matrix(), options)
                vectors = encoder.encode(pixels)
                self._seen[kind] = encoder, Whitening.fit(vectors[there], self._width, self._even)
                found[kind] = self._seen[kind][1](vectors, there)
        return found

    def encode(self, items: pl.DataFrame) -> dict[str, FloatArray]:
        """The same of a table of other items; a kind of which the table has nothing is zeros."""
        found = self._others.encode(items)
        if self._seen:
            pixels, there = self._opened(items, FitOptions())
            found |= {kind: whiten(encoder.encode(pixels), there) for kind, (encoder, whiten) in self._seen.items()}
        return found

    def _opened(self, items: pl.DataFrame, options: FitOptions) -> tuple[Pixels, BoolArray]:
        names = items[IMAGE].cast(pl.String).to_list() if IMAGE in items.columns else [None] * items.height
        return thumbnails(self._folder, names, THUMBNAIL, lambda sentence: options.progress(sentence, 0, 1))

    def arrays(self) -> Arrays:
        """What was learned, as named arrays."""
        found = {f"others.{name}": array for name, array in self._others.arrays().items()}
        for kind, (encoder, whiten) in self._seen.items():
            found |= {f"{kind}/net.{name}": array for name, array in encoder.arrays().items()}
            found |= {f"{kind}/whitening.{name}": array for name, array in whiten.arrays().items()}
        return found

    def restore(self, arrays: Arrays) -> Self:
        """Take what was learned from `arrays` instead of `fit_encode`.

        Raises:
            InputError: an encoder is not on this machine, or is another one than was learned with.
        """
        self._others.restore(below(arrays, "others."))
        for kind in self._pictures:
            if net := below(arrays, f"{kind}/net."):
                whiten = Whitening(**below(arrays, f"{kind}/whitening."))
                self._seen[kind] = _encoder(kind).restore(net), whiten
        return self


def _encoder(kind: str) -> CataloguePictures:
    from serendip.training.picture_encoder import CataloguePictures

    return CataloguePictures("vit" if kind.endswith("vit") else "cnn")


def _labels(items: pl.DataFrame) -> Sparse:
    """Which labels each item has, (N, L)."""
    found = blocks(items.drop(IMAGE, strict=False))
    return sp.csr_array(sp.hstack(found, format="csr") > 0) if found else sp.csr_array((items.height, 0))


def beside(contents: dict[str, FloatArray], n_items: int) -> FloatArray:
    """All kinds side by side, (N, F) float32."""
    return np.concatenate([np.zeros((n_items, 0), np.float32), *contents.values()], axis=1)
