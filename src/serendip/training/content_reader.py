"""Content reader: what items are, as `features.item_vectors` reads it, and what else is made of it.

    text:catalogue     what a network taught on the catalogue itself (`training.text_encoder`) reads
    picture:ENCODER    what an encoder of pictures (`training.seeing`) sees: `cnn`, `vit`, `looks` or a folder

beside `attributes`, `text:ENCODER` and `column:NAME`. With a `tuning` the pretrained encoders of texts learn along with
the model that reads them (`training.text_tower`). Pictures are the files that the attribute `image` names, in the
folder `FitOptions.pictures`, later in the one that `features.pictures.START` says; one that cannot be opened is told to
the progress and costs its item nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from pydantic import Field

from serendip.data import Dataset
from serendip.data.arrays import FloatArray, Sparse
from serendip.errors import InputError
from serendip.features.directions import EVEN, Whitening
from serendip.features.item_vectors import ATTRIBUTES, Arrays, ItemVectors, below
from serendip.features.pictures import START, Complain
from serendip.training.options import FitOptions
from serendip.training.seeing import LEARNED, check_name, learned, names_of, picture_encoder, seen
from serendip.training.settings import ModelConfig, NotSearched, Search, Tuning

if TYPE_CHECKING:  # loaded where there is something for them to read: they bring torch
    import torch

    from serendip.training.text_tower import LiveText

PICTURE, TEXT = "picture:", "text:"
CATALOGUE = "text:catalogue"


class ContentConfig(ModelConfig):
    """What models that read contents have in common."""

    contents: Annotated[str, NotSearched("what there is")] = "attributes"
    """What is read of items, such as `attributes+text:minilm`; see `training.content_reader`."""
    content_size: Annotated[int, NotSearched("a bound on time and memory")] = Field(256, ge=1)
    """Numbers kept of each kind of content."""
    unevenness: Annotated[float | None, Search(0.01, 10, log=True)] = Field(EVEN, gt=0)
    """How far strong directions of a kind of content count more than weak ones: this share of their mean strength is
    added to each before it is divided by. None: each is as strong as it was."""


class ContentReader:
    """Items to one matrix for each kind of content."""

    def __init__(
        self,
        contents: str,
        width: int,
        options: FitOptions = FitOptions(),
        unevenness: float | None = EVEN,
        tuning: Tuning | None = None,
    ) -> None:
        """`unevenness`: see `Whitening.fit`; `tuning`: how much of pretrained encoders of texts learns along.

        Raises:
            InputError: there is no such kind of content.
        """
        kinds = [kind for kind in contents.split("+") if kind]
        self._tuning = tuning
        self._own = [kind for kind in kinds if kind.startswith(PICTURE) or kind == CATALOGUE or self._tuned(kind)]
        for kind in self._own:
            if kind.startswith(PICTURE):
                check_name(kind.removeprefix(PICTURE))
        others = "+".join(kind for kind in kinds if kind not in self._own)
        self._others = ItemVectors(others, width, options.vectors, unevenness)
        self._width, self._unevenness, self._folder = width, unevenness, options.pictures
        self._seen: dict[str, tuple[Any, Whitening]] = {}

    @classmethod
    def of(cls, config: ContentConfig, options: FitOptions = FitOptions(), tuning: Tuning | None = None) -> Self:
        """As `config` says."""
        return cls(config.contents, config.content_size, options, config.unevenness, tuning)

    def fit_encode(self, dataset: Dataset, options: FitOptions) -> dict[str, FloatArray]:
        """Learn from the items of `dataset`, and give (N, K) float32 for each kind that says anything at all.

        Raises:
            InputError: there is no such encoder, or no such column of vectors of one width.
        """
        found = self._others.fit_encode(dataset.items.attributes)
        for kind in self._own:
            encoder, vectors = self._taught(kind, dataset, options)
            there = np.asarray(vectors.any(axis=1))
            if there.any():
                self._seen[kind] = encoder, Whitening.fit(vectors[there], self._width, self._unevenness)
                found[kind] = self._seen[kind][1](vectors, there)
        return found

    def encode(self, items: pl.DataFrame) -> dict[str, FloatArray]:
        """The same of a table of other items; a kind of which the table has nothing is zeros."""
        found = self._others.encode(items)
        for kind, (encoder, whiten) in self._seen.items():
            vectors = self._vectors(kind, encoder, items, _unheard)
            found[kind] = whiten(vectors, np.asarray(vectors.any(axis=1)))
        return found

    def everything(self, items: pl.DataFrame, found: dict[str, FloatArray]) -> Sparse:
        """All that is said of items, side by side, (n, F): each attribute by itself, and the numbers `found` of others.

        `found` is what `encode` gives for these items.
        """
        dense = [sp.csr_array(vectors) for kind, vectors in found.items() if kind != ATTRIBUTES]
        return sp.csr_array(sp.hstack([self._others.attributes(items), *dense]))

    def said(self, texts: Sequence[str]) -> dict[str, FloatArray]:
        """The same of items of which no more is said than `texts`."""
        return self.encode(self._others.as_told(texts))

    def learning(self, items: pl.DataFrame, device: torch.device) -> dict[str, LiveText]:
        """Of the kinds whose encoders learn along, what these say of a table of items by now, once `fit_encode` was."""
        from serendip.training.text_tower import LiveText

        texts = self._others.described(items)
        return {
            kind: LiveText(encoder, texts, whitening, device)
            for kind, (encoder, whitening) in self._seen.items()
            if self._tuned(kind)
        }

    def _tuned(self, kind: str) -> bool:
        return self._tuning is not None and kind.startswith(TEXT) and kind not in (CATALOGUE, "text:words")

    def _fresh(self, kind: str) -> Any:
        """An encoder that has learned nothing yet."""
        if self._tuning is not None and self._tuned(kind):
            from serendip.training.text_tower import TunedText

            return TunedText(kind.removeprefix(TEXT), self._tuning)
        if kind == CATALOGUE:
            from serendip.training.text_encoder import CatalogueText

            return CatalogueText()
        return picture_encoder(kind.removeprefix(PICTURE))

    def _taught(self, kind: str, dataset: Dataset, options: FitOptions) -> tuple[Any, FloatArray]:
        """An encoder that knows the catalogue, and what it says of each item, (N, D), zeros where there is nothing."""
        items, heard = dataset.items.attributes, lambda sentence: options.progress(sentence, 0, 1)
        name = kind.removeprefix(PICTURE)
        if name in LEARNED:
            return learned(name, self._start, dataset, options, heard)
        encoder = self._fresh(kind)
        if kind == CATALOGUE:
            texts = self._others.described(items)
            there = np.array([bool(text.strip()) for text in texts], bool)
            encoder = encoder.fit(texts, there, dataset.matrix(), options) if there.any() else encoder
        return encoder, self._vectors(kind, encoder, items, heard)

    def _vectors(self, kind: str, encoder: Any, items: pl.DataFrame, complain: Complain) -> FloatArray:
        if kind.startswith(PICTURE):
            return seen(encoder, self._start, names_of(items), complain)
        texts = self._others.described(items)
        there = np.array([bool(text.strip()) for text in texts], bool)
        return np.asarray(encoder.encode(texts) * there[:, None], np.float32)

    @property
    def _start(self) -> Path:
        return self._folder or START.get()

    def arrays(self) -> Arrays:
        """What was learned, as named arrays."""
        found = {f"others.{name}": array for name, array in self._others.arrays().items()}
        for kind, (encoder, whiten) in self._seen.items():
            if kind.startswith(PICTURE):
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
        for kind in self._own:
            if whitening := below(arrays, f"{kind}/whitening."):
                encoder = self._fresh(kind).restore(below(arrays, f"{kind}/net."))
                identity = arrays.get(f"{kind}/identity")
                if identity is not None and encoder.identity.encode() != identity.tobytes():
                    raise InputError(f"the encoder of {kind} on this machine is another one than was learned with")
                self._seen[kind] = encoder, Whitening(**whitening)
        return self


def side_by_side(contents: dict[str, FloatArray], n_items: int) -> FloatArray:
    """One number that is 1 where any kind says something, and all kinds beside it, (N, F) float32."""
    kinds = np.concatenate([np.zeros((n_items, 1), np.float32), *contents.values()], axis=1)
    kinds[:, 0] = kinds.any(axis=1)
    return kinds


def _unheard(sentence: str) -> None:
    return None
