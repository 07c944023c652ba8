"""Item vectors: what items are, as dense vectors of one kind of content each, whitened so that none drowns the others.

Which kinds there are is said by one text, such as `attributes+text:minilm`:

    attributes     all columns of the table of items, words and labels and numbers (`features.content`), in short
    text:ENCODER   what an encoder of texts (`features.encoders`) says of all texts and labels of an item
    column:NAME    a column of vectors, such as what an encoder of sounds said elsewhere

An item about which a kind says nothing has zeros there and keeps the others. Vectors of items that were not there at
the time of `fit` can be had as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from serendip.data.arrays import FloatArray, Sparse
from serendip.errors import InputError
from serendip.features.content import ItemContent
from serendip.features.directions import EVEN, Whitening, leading_directions, unit
from serendip.features.encoders import Encoder, text_encoder
from serendip.features.vector_cache import VectorCache

ATTRIBUTES, TEXT, COLUMN = "attributes", "text", "column"
Arrays = dict[str, NDArray[Any]]


class ItemVectors:
    """Items to one matrix for each kind of content."""

    def __init__(
        self,
        contents: str = ATTRIBUTES,
        width: int = 256,
        cache: Path | None = None,
        unevenness: float | None = EVEN,
    ) -> None:
        """Vectors have at most `width` numbers of each kind; what encoders say is kept in the file `cache`.

        `unevenness`: see `Whitening.fit`.

        Raises:
            InputError: there is no such kind of content.
        """
        self._kinds = {kind: _parted(kind) for kind in filter(None, contents.split("+"))}
        self._width, self._cache, self._unevenness = width, VectorCache(cache), unevenness
        self._content = ItemContent()
        self._directions = np.empty((0, 1), np.float32)  # (F, K)
        self._encoders: dict[str, Encoder] = {}
        self._whitenings: dict[str, Whitening] = {}

    def fit_encode(self, items: pl.DataFrame) -> dict[str, FloatArray]:
        """Learn from a table of items, the id first, and give (N, K) float32 for each kind that says anything at all.

        Raises:
            InputError: there is no such encoder, or no such column of vectors of one width.
        """
        for sort, name in self._kinds.values():
            if sort == COLUMN and name not in items.columns:
                raise InputError(f"items have no column {name!r} of vectors")
        sparse = self._content.fit_encode(items)
        if ATTRIBUTES in self._kinds:
            self._directions = leading_directions(sparse, 2 * self._width)
        described = self._content.describe(items)
        self._encoders = {kind: encoder.fit(described) for kind, encoder in self._named_encoders()}
        raw = {kind: vectors for kind, vectors in self._raw(items, sparse) if vectors.any()}
        self._whitenings = {
            kind: Whitening.fit(raw[kind][raw[kind].any(axis=1)], self._width, self._unevenness) for kind in raw
        }
        return {kind: self._whitened(kind, raw[kind], items.height) for kind in raw}

    def encode(self, items: pl.DataFrame) -> dict[str, FloatArray]:
        """The same of a table of other items; a kind of which the table has nothing is zeros.

        Raises:
            InputError: a column does not hold vectors of the width that was learned from.
        """
        raw = dict(self._raw(items, self.attributes(items)))
        return {kind: self._whitened(kind, raw.get(kind), items.height) for kind in self._whitenings}

    def attributes(self, items: pl.DataFrame) -> Sparse:
        """Each word, label and number of a table of items by itself, (n, F); none where attributes are not read."""
        if ATTRIBUTES not in self._kinds:
            return sp.csr_array((items.height, 0), dtype=np.float32)
        return self._content.encode(items)

    def described(self, items: pl.DataFrame) -> list[str]:
        """What the table says of each item as one text, as far as the columns were there at the time of `fit`."""
        return self._content.describe(items)

    def as_told(self, texts: Sequence[str]) -> pl.DataFrame:
        """A table of items of which no more is said than `texts`."""
        return self._content.as_told(texts)

    def _named_encoders(self) -> Iterator[tuple[str, Encoder]]:
        return ((kind, text_encoder(name)) for kind, (sort, name) in self._kinds.items() if sort == TEXT)

    def _raw(self, items: pl.DataFrame, attributes: Sparse) -> Iterator[tuple[str, FloatArray]]:
        """Vectors (n, D) of length 1 of each kind."""
        for kind, (sort, name) in self._kinds.items():
            if sort == ATTRIBUTES:
                yield kind, unit(np.asarray(attributes @ self._directions, np.float32))
            elif sort == TEXT:
                yield kind, self._cache.encode(self._encoders[kind], self._content.describe(items))
            elif name in items.columns:
                yield kind, unit(_vectors(items[name]))

    def _whitened(self, kind: str, vectors: FloatArray | None, n_items: int) -> FloatArray:
        whitening = self._whitenings[kind]
        if vectors is None or not vectors.any():
            return np.zeros((n_items, whitening.turn.shape[1]), np.float32)
        if vectors.shape[1] != len(whitening.mean):
            raise InputError(f"vectors of {kind} have {vectors.shape[1]} numbers, not {len(whitening.mean)}")
        return whitening(vectors, np.asarray(vectors.any(axis=1)))

    def arrays(self) -> Arrays:
        """What was learned, as named arrays."""
        identities = {kind: encoder.identity for kind, encoder in self._encoders.items()}
        meta = json.dumps([list(self._whitenings), identities]).encode()
        found: Arrays = {"meta": np.frombuffer(meta, np.uint8).copy(), "directions": self._directions}
        parts = {"content": self._content.arrays()}
        parts |= {f"encoder.{kind}": encoder.arrays() for kind, encoder in self._encoders.items()}
        parts |= {f"whitening.{kind}": whitening.arrays() for kind, whitening in self._whitenings.items()}
        return found | {f"{part}.{name}": array for part, own in parts.items() for name, array in own.items()}

    def restore(self, arrays: Arrays) -> Self:
        """Take what was learned from `arrays` instead of `fit_encode`.

        Raises:
            InputError: an encoder is not on this machine, or is another one than was learned with.
        """
        kinds, identities = json.loads(arrays["meta"].tobytes())
        self._directions = arrays["directions"]
        self._content = ItemContent().restore(below(arrays, "content."))
        for kind, encoder in self._named_encoders():
            self._encoders[kind] = encoder.restore(below(arrays, f"encoder.{kind}."))
            if encoder.identity != identities[kind]:
                raise InputError(f"the encoder of {kind} on this machine is another one than was learned with")
        self._whitenings = {kind: Whitening(**below(arrays, f"whitening.{kind}.")) for kind in kinds}
        return self


def _parted(kind: str) -> tuple[str, str]:
    """`text:minilm` in two; the second is empty for attributes."""
    sort, _, name = kind.partition(":")
    if (sort == ATTRIBUTES and not name) or (sort in (TEXT, COLUMN) and name):
        return sort, name
    raise InputError(f"there is no kind of content {kind!r}; there are attributes, text:ENCODER and column:NAME")


def below(arrays: Arrays, prefix: str) -> Arrays:
    """Those whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _vectors(column: pl.Series) -> FloatArray:
    """A column of lists of numbers, (n, D) float32, zeros where there is none."""
    if not isinstance(column.dtype, pl.List | pl.Array) or not column.dtype.inner.is_numeric():
        raise InputError(f"the column {column.name!r} of items holds {column.dtype}, not vectors")
    rows = [vector if vector is None else np.asarray(vector, np.float32) for vector in column.to_list()]
    widths = {len(row) for row in rows if row is not None}
    if len(widths) > 1:
        raise InputError(f"vectors in the column {column.name!r} of items have {min(widths)} to {max(widths)} numbers")
    nothing = np.zeros(max(widths, default=1), np.float32)
    found = np.stack([nothing if row is None else row for row in rows]) if rows else nothing[None][:0]
    if not np.isfinite(found).all():
        raise InputError(f"the column {column.name!r} of items holds numbers that are not finite")
    return found
