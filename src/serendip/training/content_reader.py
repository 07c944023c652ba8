"""Content reader: what items are, as `features.item_vectors` reads it, and what their pictures show.

    picture:ENCODER    what an encoder of pictures (`training.seeing`) sees: `cnn`, `vit`, `looks` or a folder

beside `attributes`, `text:ENCODER` and `column:NAME`. Pictures are the files that the attribute `image` names, in the
folder `FitOptions.pictures`, later in the one that `features.pictures.START` says; one that cannot be opened is told to
the progress and costs its item nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from serendip.data import Dataset
from serendip.data.arrays import FloatArray
from serendip.errors import InputError
from serendip.features.directions import Whitening
from serendip.features.encoders import PictureEncoder
from serendip.features.item_vectors import Arrays, ItemVectors, below
from serendip.features.pictures import START, Complain
from serendip.training.options import FitOptions
from serendip.training.seeing import LEARNED, check_name, learned, names_of, picture_encoder, seen

PICTURE = "picture:"


class ContentReader:
    """Items to one matrix for each kind of content."""

    def __init__(self, contents: str, width: int, options: FitOptions = FitOptions()) -> None:
        """
        Raises:
            InputError: there is no such kind of content.
        """
        kinds = [kind for kind in contents.split("+") if kind]
        self._pictures = [kind for kind in kinds if kind.startswith(PICTURE)]
        for kind in self._pictures:
            check_name(kind.removeprefix(PICTURE))
        self._others = ItemVectors(
            "+".join(kind for kind in kinds if kind not in self._pictures), width, options.vectors
        )
        self._width, self._folder = width, options.pictures
        self._seen: dict[str, tuple[PictureEncoder, Whitening]] = {}

    def fit_encode(self, dataset: Dataset, options: FitOptions) -> dict[str, FloatArray]:
        """Learn from the items of `dataset`, and give (N, K) float32 for each kind that says anything at all.

        Raises:
            InputError: there is no such encoder, or no such column of vectors of one width.
        """
        items = dataset.items.attributes
        found = self._others.fit_encode(items)
        for kind in self._pictures:
            encoder, vectors = self._taught(kind.removeprefix(PICTURE), dataset, options)
            there = vectors.any(axis=1)
            if there.any():
                self._seen[kind] = encoder, Whitening.fit(vectors[there], self._width)
                found[kind] = self._seen[kind][1](vectors, there)
        return found

    def encode(self, items: pl.DataFrame) -> dict[str, FloatArray]:
        """The same of a table of other items; a kind of which the table has nothing is zeros."""
        found = self._others.encode(items)
        for kind, (encoder, whiten) in self._seen.items():
            vectors = self._vectors(encoder, items, _unheard)
            found[kind] = whiten(vectors, vectors.any(axis=1))
        return found

    def _taught(self, name: str, dataset: Dataset, options: FitOptions) -> tuple[PictureEncoder, FloatArray]:
        """An encoder that has seen the catalogue, and what it says, (N, D)."""
        items, heard = dataset.items.attributes, lambda sentence: options.progress(sentence, 0, 1)
        if name in LEARNED:
            return learned(name, self._start, dataset, options, heard)
        encoder = picture_encoder(name)
        return encoder, self._vectors(encoder, items, heard)

    def _vectors(self, encoder: PictureEncoder, items: pl.DataFrame, complain: Complain) -> FloatArray:
        return seen(encoder, self._start, names_of(items), complain)

    @property
    def _start(self) -> Path:
        return self._folder or START.get()

    def arrays(self) -> Arrays:
        """What was learned, as named arrays."""
        found = {f"others.{name}": array for name, array in self._others.arrays().items()}
        for kind, (encoder, whiten) in self._seen.items():
            found[f"{kind}/identity"] = np.frombuffer(encoder.identity.encode(), np.uint8).copy()
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
            if whitening := below(arrays, f"{kind}/whitening."):
                net, whiten = below(arrays, f"{kind}/net."), Whitening(**whitening)
                encoder = picture_encoder(kind.removeprefix(PICTURE)).restore(net)
                if encoder.identity.encode() != arrays[f"{kind}/identity"].tobytes():
                    raise InputError(f"the encoder of {kind} on this machine is another one than was learned with")
                self._seen[kind] = encoder, whiten
        return self


def side_by_side(contents: dict[str, FloatArray], n_items: int) -> FloatArray:
    """One number that is 1 where any kind says something, and all kinds beside it, (N, F) float32."""
    kinds = np.concatenate([np.zeros((n_items, 1), np.float32), *contents.values()], axis=1)
    kinds[:, 0] = kinds.any(axis=1)
    return kinds


def _unheard(sentence: str) -> None:
    return None
