"""Content: what items are, from all their attributes, as sparse vectors whose products say how alike two items are.

Each column of the table of items is a block of features: words of a text (`title`, or whatever reads like sentences),
labels of a category or of several (a list, or text such as `Action|Drama` and `Smith, Jones`), or a number as its
nearness to the deciles of its column, so that 1994 is near 1996 and far from 1950. What tells nothing about other
items is left out: ids, addresses, pictures, flags of a shop, a label that all share. A block has length 1, then texts
together get the weight `text` and everything else the rest, and the whole row has length 1 again; a missing value is
no feature. Vectors of items that were not there at the time of `fit` can be had as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from serendip.data.arrays import FloatArray, Sparse
from serendip.features.text import LONGEST_TEXT, Term, TextEncoder, Weighting, content, unit_rows

MAX_TERMS = 100_000
"""Features of one column, those of most items first."""
RECURRING = 0.2
"""From this share of values that more than one item has, a column of short texts is one of labels."""
KNOTS = 11
SEPARATORS = ("|", ";", "、", ",", " / ")
LONGEST_LABEL = 200

SENTENCE = 4
"""Words above which a value, on average, is no label."""
DIVIDED = 0.05
"""Share of values that a separator must be in."""
_TEXTS = re.compile(r"(title|name|description|summary|plot|abstract|headline|subtitle)(_[a-z]{2})?$", re.IGNORECASE)
_NO_CONTENT = re.compile(
    r"(.*_)?(ids?|ms|urls?|images?|poster|hidden|available|isbn(10|13)?|ean|sku|zip)$", re.IGNORECASE
)
_NOTE_BEFORE, _NOTE_AFTER = (
    r"^[(\[（【][^)\]）】]*[)\]）】] *(?<label>.+)$",
    r"^(?<label>.*[^ ]) *[(\[（【][^(\[（【]*[)\]）】]$",
)
_WORDS = "[\\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"

Kind = Literal["text", "labels", "number"]


def labels(text: str) -> Iterator[Term]:
    """One label per line."""
    return ((label, 1.0) for label in text.split("\n") if label)


@dataclass
class Column:
    """One column of the table of items, and how it becomes a block of features."""

    name: str
    kind: Kind
    separator: str | None = None
    """Between the labels of a text."""
    knots: FloatArray = field(default_factory=lambda: np.empty(0))
    """Where a number is 1 in one feature, ascending."""
    terms: TextEncoder = field(default_factory=TextEncoder)

    @property
    def names(self) -> list[str]:
        """What each feature stands for."""
        return [f"{knot:g}" for knot in self.knots] if self.kind == "number" else self.terms.names

    def fit_encode(self, values: pl.Series, weighting: Weighting) -> Sparse:
        if self.kind == "number":
            self.knots = _knots(values)
            return self.encode(values)
        reading, weighting = (content, weighting) if self.kind == "text" else (labels, "tfidf")
        self.terms = TextEncoder(reading, weighting, MAX_TERMS)
        return self.terms.fit_encode(self._texts(values))

    def encode(self, values: pl.Series) -> Sparse:
        """(n, D) float32 with rows of length 1, or empty where nothing is known."""
        if self.kind == "number":
            return _hats(_numbers(values), self.knots)
        return self.terms.encode(self._texts(values))

    def _texts(self, values: pl.Series) -> Iterator[str]:
        if self.kind == "labels":
            return iter(_lines(values, self.separator))
        return (text or "" for text in _as_text(values).str.slice(0, LONGEST_TEXT))

    def said(self, values: pl.Series) -> Iterator[str]:
        """As people write it down, empty where nothing is known: a text as it is, labels after their column's name."""
        named = "" if self.kind == "text" else f"{self.name}: "
        texts = (text.strip().rstrip(".").replace("\n", ", ") for text in self._texts(values))
        return (named + text if text else "" for text in texts)

    def meta(self) -> dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "separator": self.separator}

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"knots": self.knots} if self.kind == "number" else self.terms.arrays()

    def restore(self, arrays: dict[str, NDArray[Any]], weighting: Weighting) -> Self:
        if self.kind == "number":
            self.knots = arrays["knots"]
        else:
            self.terms = TextEncoder(*((content, weighting) if self.kind == "text" else (labels, "tfidf")))
            self.terms.restore(arrays)
        return self


class ItemContent:
    """Items to rows of a sparse matrix.

    >>> items = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["green tea", "black tea", "sunglasses"]})
    >>> vectors = ItemContent().fit_encode(items)
    >>> (vectors @ vectors.T).toarray().round(1)
    array([[1. , 0.4, 0. ],
           [0.4, 1. , 0. ],
           [0. , 0. , 1. ]], dtype=float32)
    """

    def __init__(self, weighting: Weighting = "tfidf", text: float = 0.5) -> None:
        self._weighting, self._text = weighting, text
        self._columns: list[Column] = []

    @property
    def names(self) -> list[tuple[str, str]]:
        """The column of the table and the value or word that each feature stands for, (D,)."""
        return [(column.name, name) for column in self._columns for name in column.names]

    def fit(self, items: pl.DataFrame) -> Self:
        """Learn from a table of items, the id first, which words and labels there are and how rare each is."""
        self.fit_encode(items)
        return self

    def fit_encode(self, items: pl.DataFrame) -> Sparse:
        """The same as `fit` and then `encode`, reading each text once."""
        found = [(column, values) for values in items.get_columns()[1:] if (column := _column(values))]
        self._columns = [column for column, _ in found]
        return self._joined([column.fit_encode(values, self._weighting) for column, values in found], items.height)

    def encode(self, items: pl.DataFrame) -> Sparse:
        """Sparse (n, D) float32, rows of length 1, or empty where nothing is known of an item.

        Columns that were not there at the time of `fit` are not looked at, and absent ones tell nothing.
        """
        absent = pl.repeat(None, items.height, dtype=pl.String, eager=True)
        blocks = [
            column.encode(items[column.name] if column.name in items.columns else absent) for column in self._columns
        ]
        return self._joined(blocks, items.height)

    def describe(self, items: pl.DataFrame) -> list[str]:
        """What the table says of each item as one text, for encoders of sentences; empty where nothing is known.

        Texts come first, labels follow with the name of their column, numbers are left out.

        >>> items = pl.DataFrame({"item_id": ["a", "b"], "title": ["Alien", None], "kinds": [["horror"], ["war"]]})
        >>> ItemContent().fit(items).describe(items)
        ['Alien. kinds: horror', 'kinds: war']
        """
        told: list[list[str]] = [[] for _ in range(items.height)]
        for column in sorted(self._columns, key=lambda one: one.kind != "text"):
            if column.kind != "number" and column.name in items.columns:
                for parts, text in zip(told, column.said(items[column.name]), strict=True):
                    parts += [text] if text else []
        return [". ".join(parts) for parts in told]

    def as_told(self, texts: Sequence[str]) -> pl.DataFrame:
        """A table of items of which no more is said than `texts`, each in the column that knows most of its words."""
        columns = [column for column in self._columns if column.kind == "text"]
        known = [np.diff(column.terms.encode(texts).indptr) for column in columns]
        best = np.argmax(known, axis=0) if columns else []
        told = {
            column.name: [text if chosen == place else None for text, chosen in zip(texts, best, strict=True)]
            for place, column in enumerate(columns)
        }
        return pl.DataFrame(
            {"item_id": list(texts), **told}, schema={"item_id": pl.String, **dict.fromkeys(told, pl.String)}
        )

    def _joined(self, blocks: Sequence[Sparse], n_items: int) -> Sparse:
        if not blocks:
            return sp.csr_array((n_items, 0), dtype=np.float32)
        shares = np.sqrt(self._shares()).astype(np.float32)
        return unit_rows(sp.hstack([block * share for block, share in zip(blocks, shares, strict=True)], format="csr"))

    def _shares(self) -> FloatArray:
        """The weight of each column, (columns,); all numbers together count as one."""
        texts = np.array([column.kind == "text" for column in self._columns])
        numbers = np.array([column.kind == "number" for column in self._columns])
        own = np.where(numbers, 1 / max(1, numbers.sum()), 1.0)
        if texts.all() or not texts.any():
            return own
        return np.asarray(np.where(texts, self._text / texts.sum(), (1 - self._text) * own / own[~texts].sum()))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as named arrays."""
        table = json.dumps([column.meta() for column in self._columns]).encode()
        found: dict[str, NDArray[Any]] = {"columns": np.frombuffer(table, np.uint8).copy()}
        for place, column in enumerate(self._columns):
            found |= {f"{place}.{name}": array for name, array in column.arrays().items()}
        return found

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        """Take what was learned from `arrays` instead of `fit`."""
        table = json.loads(arrays["columns"].tobytes())
        self._columns = []
        for place, meta in enumerate(table):
            own = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{place}.")}
            self._columns.append(Column(**meta).restore(own, self._weighting))
        return self


def _column(values: pl.Series) -> Column | None:
    """How a column is read; None where it tells nothing about other items."""
    if _NO_CONTENT.match(values.name) or _all_the_same(values):
        return None
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        return Column(values.name, "number") if len(_knots(values)) > 1 else None
    if isinstance(values.dtype, pl.List | pl.Array):
        told = _plain(values.dtype.inner) and not values.dtype.inner.is_float()  # lists of fractions are vectors
        return Column(values.name, "labels") if told else None
    if not _plain(values.dtype) or _share(_as_text(values).str.contains("://", literal=True)) > 0.5:
        return None
    if _TEXTS.match(values.name):
        return Column(values.name, "text")
    return _labelled(values) or (Column(values.name, "text") if _wordy(values) else None)


def _plain(dtype: Any) -> bool:
    """Whether a cell is one value that can be written as text."""
    return bool(dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum) or dtype.is_numeric())


def _all_the_same(values: pl.Series) -> bool:
    """Whether no item can be told from another by it, of two items or more."""
    known = values.drop_nulls()
    return len(known) == 0 or (len(values) == len(known) > 1 and _as_text(known).n_unique() == 1)


def _labelled(values: pl.Series) -> Column | None:
    """A column of labels, if they recur, divided where that makes more of them recur."""
    text = _as_text(values)
    best, each = None, _each(text, None)
    for separator in SEPARATORS:
        if _share(text.str.contains(separator, literal=True)) >= DIVIDED:
            parts = _each(text, separator)
            best, each = (separator, parts) if _recurring(parts) > _recurring(each) else (best, each)
    words = each.str.count_matches(" ", literal=True).sum() + len(each)
    short = words <= SENTENCE * len(each)
    return Column(values.name, "labels", best) if short and _recurring(each) >= RECURRING else None


def _each(text: pl.Series, separator: str | None) -> pl.Series:
    """The labels of all items, one after another."""
    each = _lines(text, separator).str.split("\n").explode()
    return each.filter(each != "")


def _recurring(each: pl.Series) -> float:
    """Of all labels that items have, the share of those that another has too."""
    return _share(each.is_duplicated())


def _share(flags: pl.Series) -> float:
    """How many of the known ones are true."""
    return float(flags.sum()) / max(1, flags.count())


def _wordy(values: pl.Series) -> bool:
    """Whether most of the known values are more than one word."""
    text = _as_text(values).drop_nulls()
    return _share(text.str.strip_chars().str.contains(_WORDS)) > 0.5


def _lines(values: pl.Series, separator: str | None) -> pl.Series:
    """The labels of each item, one a line, in small letters and single spaces, without a note in brackets."""
    parts = values if isinstance(values.dtype, pl.List | pl.Array) else _as_text(values).str.split(separator or "\0")
    parts = parts.cast(pl.List(pl.String))
    label = pl.element().str.slice(0, LONGEST_LABEL).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    plain = label.str.replace(_NOTE_BEFORE, "$label").str.replace(_NOTE_AFTER, "$label")
    cleaned = parts.list.eval(plain).list.unique(maintain_order=True)
    return cleaned.list.join("\n", ignore_nulls=True).fill_null("")


def _as_text(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.List | pl.Array):
        return values.cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True)
    return values.cast(pl.String, strict=False)


def _knots(values: pl.Series) -> FloatArray:
    """The deciles of the known numbers, ascending, each once."""
    numbers = _numbers(values)
    numbers = numbers[np.isfinite(numbers)]
    return np.unique(np.quantile(numbers, np.linspace(0, 1, KNOTS))) if len(numbers) else np.empty(0)


def _numbers(values: pl.Series) -> FloatArray:
    physical = values.to_physical() if values.dtype.is_temporal() else values
    return physical.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _hats(numbers: FloatArray, knots: FloatArray) -> Sparse:
    """Between two knots a number is as much of each as it is near to it, sparse (n, knots) with rows of length 1."""
    known = np.flatnonzero(np.isfinite(numbers))
    clipped = np.clip(numbers[known], knots[0], knots[-1])
    below = np.clip(np.searchsorted(knots, clipped, side="right") - 1, 0, len(knots) - 2)
    above = (clipped - knots[below]) / (knots[below + 1] - knots[below])  # 0..1
    cells = (np.concatenate([1 - above, above]), (np.tile(known, 2), np.concatenate([below, below + 1])))
    hats = sp.csr_array(cells, shape=(len(numbers), len(knots)), dtype=np.float32)
    hats.eliminate_zeros()
    return unit_rows(hats)
