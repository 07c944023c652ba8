"""Sight: items found by how their pictures look, through an encoder of pictures.

What was seen is kept by the name of its file, in memory and in the artifact: a new item costs one picture, and a file
that is another one under the same name is seen at the next fit. How near a picture is to that of a request is told by
how far it is behind the nearest, in standard deviations of them all, so that encoders of any kind are read alike:
exp(2 (near - nearest) / deviation), and nothing beyond `WITHIN` of them. Words are compared with pictures in the same
way, by an encoder that was taught with both.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np

from serendip.data import Dataset
from serendip.data.arrays import BoolArray, FloatArray
from serendip.features.encoders import PictureEncoder, ReadsWords
from serendip.features.pictures import START, opened
from serendip.pipeline.remembering import Remembering
from serendip.training import FitOptions
from serendip.training.seeing import LEARNED, check_name, learned, names_of, picture_encoder, seen

SHARPNESS = 2.0
WITHIN = 2.0


class Sight(Remembering[PictureEncoder]):
    """An encoder of pictures, and what it saw."""

    def __init__(self, name: str) -> None:
        """
        Raises:
            InputError: there is no such encoder on this machine.
        """
        check_name(name)
        super().__init__(name, picture_encoder(name))

    def fit(self, dataset: Dataset, options: FitOptions) -> Self:
        """See all pictures of a catalogue, and learn from them where the encoder learns at all."""
        start, names = options.pictures or Path(), names_of(dataset.items.attributes)

        def complain(sentence: str) -> None:
            options.progress(sentence, 0, 1)

        if self.name in LEARNED:
            self._encoder, vectors = learned(self.name, start, dataset, options, complain)
        else:
            vectors = seen(self._encoder, start, names, complain)
        digests = [_digest(name) for name in names]
        self._known = {digest: row for digest, row in zip(digests, vectors, strict=True) if digest and row.any()}
        return self

    def of(self, names: Sequence[Any]) -> FloatArray:
        """(n, D) float32, zeros where there is no picture; those that are not known yet are opened."""
        digests = [_digest(name) for name in names]
        there = {digest: name for digest, name in zip(digests, names, strict=True) if digest is not None}
        missing = {digest: name for digest, name in there.items() if digest not in self._known}
        read = seen(self._encoder, START.get(), list(missing.values()), _unheard)
        known = self._known | {digest: row for digest, row in zip(missing, read, strict=True) if row.any()}
        self._known = {digest: known[digest] for digest in there if digest in known}
        nothing = np.zeros_like(next(iter(self._known.values()), np.zeros(1, np.float32)))
        return np.stack([nothing if digest is None else known.get(digest, nothing) for digest in digests])

    def match(self, picture: bytes, vectors: FloatArray, allowed: BoolArray) -> FloatArray:
        """How near each of `vectors` (N, D) is to a picture, among those that are `allowed` (N,); (N,) float32 from 0
        to 1.

        Raises:
            InputError: it is no picture that can be opened.
        """
        view = self._encoder.view(opened(picture, "the picture"))
        return _nearness(self._encoder.encode(view[None])[0], vectors, allowed)

    def match_words(self, text: str, vectors: FloatArray, allowed: BoolArray) -> FloatArray | None:
        """How near each of `vectors` (N, D) is to what words say, as `match` has it of a picture; None where the
        encoder reads no words.
        """
        encoder: object = self._encoder
        said = encoder.of_words([text]) if isinstance(encoder, ReadsWords) else None
        return None if said is None else _nearness(said[0], vectors, allowed)


def _nearness(wanted: FloatArray, vectors: FloatArray, allowed: BoolArray) -> FloatArray:
    """Of what is wanted (D,) to each of `vectors` (N, D), see above, (N,) float32 from 0 to 1."""
    there = vectors.any(axis=1) & allowed
    if not there.any():
        return np.zeros(len(vectors), np.float32)
    near = vectors @ wanted
    behind = (near - near[there].max()) / (near[there].std() or 1.0)
    return np.asarray(np.where(there & (behind > -WITHIN), np.exp(SHARPNESS * behind), 0), np.float32)


def _digest(name: Any) -> bytes | None:
    """Of the name of a file; None where there is none."""
    return sha256(name.encode("utf-8", "surrogatepass")).digest() if name and isinstance(name, str) else None


def _unheard(sentence: str) -> None:
    return None
