"""Content reader: what items are, as `features.item_vectors` reads it, and what small networks make of it.

    text:catalogue              what a network taught on the catalogue itself (`training.text_encoder`) reads
    picture:cnn, picture:vit    what such a network (`training.picture_encoder`) sees

beside `attributes`, `text:ENCODER` and `column:NAME`. With a `tuning` the pretrained encoders of texts learn along with
the model that reads them (`training.text_tower`). Pictures are the files that the attribute `image` names, in the
folder `FitOptions.pictures`; one that cannot be opened is told to the progress and costs its item nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

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
from serendip.training.settings import Tuning

if TYPE_CHECKING:  # loaded where there is something for them to read: they bring torch
    import torch

    from serendip.training.picture_encoder import CataloguePictures
    from serendip.training.text_encoder import CatalogueText
    from serendip.training.text_tower import LiveText, TunedText

PICTURE = "picture:"
TEXT = "text:catalogue"
KINDS = ("cnn", "vit")
IMAGE = "image"


class ContentReader:
    """Items to one matrix for each kind of content."""

    def __init__(
        self,
        contents: str,
        width: int,
        options: FitOptions = FitOptions(),
        even: bool = True,
        tuning: Tuning | None = None,
    ) -> None:
        """Not `even`: see `Whitening.fit`; `tuning`: how much of pretrained encoders of texts learns along.

        Raises:
            InputError: there is no such kind of content.
        """
        kinds = [kind for kind in contents.split("+") if kind]
        self._tuning = tuning
        self._taught = [kind for kind in kinds if kind.startswith(PICTURE) or kind == TEXT or self._tuned(kind)]
        for kind in self._taught:
            if kind.startswith(PICTURE) and kind.removeprefix(PICTURE) not in KINDS:
                raise InputError(f"there is no kind of content {kind!r}; pictures are read by {' or '.join(KINDS)}")
        self._others = ItemVectors(
            "+".join(kind for kind in kinds if kind not in self._taught), width, options.vectors, even
        )
        self._width, self._even, self._folder = width, even, options.pictures or Path()
        self._seen: dict[str, tuple[CataloguePictures | CatalogueText | TunedText, Whitening]] = {}

    def fit_encode(self, dataset: Dataset, options: FitOptions) -> dict[str, FloatArray]:
        """Learn from the items of `dataset`, and give (N, K) float32 for each kind that says anything at all.

        Raises:
            InputError: there is no such encoder, or no such column of vectors of one width.
        """
        items = dataset.items.attributes
        found = self._others.fit_encode(items)
        for kind in self._taught:
            values, there = self._values(kind, items, options)
            if there.any():
                encoder = self._fitted(kind, values, there, dataset, options)
                vectors = encoder.encode(values)
                there &= vectors.any(axis=1)
                self._seen[kind] = encoder, Whitening.fit(vectors[there], self._width, self._even)
                found[kind] = self._seen[kind][1](vectors, there)
        return found

    def encode(self, items: pl.DataFrame) -> dict[str, FloatArray]:
        """The same of a table of other items; a kind of which the table has nothing is zeros."""
        found = self._others.encode(items)
        for kind, (encoder, whiten) in self._seen.items():
            values, there = self._values(kind, items, FitOptions())
            vectors = encoder.encode(values)
            found[kind] = whiten(vectors, there & vectors.any(axis=1))
        return found

    def learning(self, items: pl.DataFrame, device: torch.device) -> dict[str, LiveText]:
        """Of the kinds whose encoders learn along, what these say of a table of items by now, once `fit_encode` was."""
        from serendip.training.text_tower import LiveText, TunedText

        texts = self._others.described(items)
        return {
            kind: LiveText(encoder, texts, whitening, device)
            for kind, (encoder, whitening) in self._seen.items()
            if isinstance(encoder, TunedText)
        }

    def _tuned(self, kind: str) -> bool:
        return self._tuning is not None and kind.startswith("text:") and kind not in (TEXT, "text:words")

    def _fresh(self, kind: str) -> CataloguePictures | CatalogueText | TunedText:
        """An encoder that has learned nothing yet."""
        if self._tuning is not None and self._tuned(kind):
            from serendip.training.text_tower import TunedText

            return TunedText(kind.removeprefix("text:"), self._tuning)
        if kind == TEXT:
            from serendip.training.text_encoder import CatalogueText

            return CatalogueText()
        from serendip.training.picture_encoder import CataloguePictures

        return CataloguePictures("vit" if kind.endswith("vit") else "cnn")

    def _fitted(
        self, kind: str, values: Any, there: BoolArray, dataset: Dataset, options: FitOptions
    ) -> CataloguePictures | CatalogueText | TunedText:
        encoder: Any = self._fresh(kind)
        if self._tuned(kind):
            return encoder  # type: ignore[no-any-return]
        labels = () if kind == TEXT else (_labels(dataset.items.attributes),)
        return encoder.fit(values, there, *labels, dataset.matrix(), options)  # type: ignore[no-any-return]

    def _values(self, kind: str, items: pl.DataFrame, options: FitOptions) -> tuple[Any, BoolArray]:
        """What the encoder of a kind reads of each item, and of which items there is anything, (n,)."""
        if kind.startswith(PICTURE):
            return self._opened(items, options)
        texts = self._others.described(items)
        return texts, np.array([bool(text.strip()) for text in texts], bool)

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
        for kind in self._taught:
            if net := below(arrays, f"{kind}/net."):
                whiten = Whitening(**below(arrays, f"{kind}/whitening."))
                self._seen[kind] = self._fresh(kind).restore(net), whiten
        return self


def _labels(items: pl.DataFrame) -> Sparse:
    """Which labels each item has, (N, L)."""
    found = blocks(items.drop(IMAGE, strict=False))
    return sp.csr_array(sp.hstack(found, format="csr") > 0) if found else sp.csr_array((items.height, 0))


def beside(contents: dict[str, FloatArray], n_items: int) -> FloatArray:
    """All kinds side by side, (N, F) float32."""
    return np.concatenate([np.zeros((n_items, 0), np.float32), *contents.values()], axis=1)
