"""Text to sparse vectors without any pretrained weights: TF-IDF over words, word beginnings and Chinese bigrams.

A word counts as itself and, half as much, as each of its beginnings of three letters and more, so that `boot`
finds `boots` and a word is found while it is typed. Chinese, Japanese and Korean runs, which have no spaces,
count as single characters and overlapping pairs. Weights are tf * idf with idf = ln((1 + n) / (1 + df)) + 1
(smoothed, as in Manning, Raghavan and Schuetze, Introduction to Information Retrieval, section 6.2); rows have
length 1, so that a dot product is a cosine.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import numpy as np
import scipy.sparse as sp

from serendip.data.arrays import Sparse

BEGINNING_FROM = 3
BEGINNING_UP_TO = 12
BEGINNING_WEIGHT = 0.5
PAIR_WEIGHT = 1.0
CHARACTER_WEIGHT = 0.3

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_RUNS = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")


def terms(text: str) -> Iterator[tuple[str, float]]:
    """The terms of a text, each with its weight; repeated terms are repeated.

    >>> list(terms("Tea 茶壶"))
    [('tea', 1.0), ('tea^', 0.5), ('茶', 0.3), ('壶', 0.3), ('茶壶', 1.0)]
    """
    for run in _RUNS.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _IS_CJK.match(run):
            yield from ((character, CHARACTER_WEIGHT) for character in run)
            yield from ((run[place : place + 2], PAIR_WEIGHT) for place in range(len(run) - 1))
        else:
            yield run, 1.0
            ends = range(BEGINNING_FROM, min(len(run), BEGINNING_UP_TO) + 1)
            yield from ((run[:end] + "^", BEGINNING_WEIGHT) for end in ends)


class TextEncoder:
    """Texts to rows of a sparse matrix.

    >>> encoder = TextEncoder().fit(["green tea", "black coffee"])
    >>> (encoder.encode(["tea"]) @ encoder.encode(["green tea", "black coffee"]).T).toarray().round(2)
    array([[0.65, 0.  ]], dtype=float32)
    """

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._idf = np.empty(0, np.float32)

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the terms of `texts` and how rare each is."""
        documents: Counter[str] = Counter()
        for text in texts:
            documents.update({term for term, _ in terms(text)})
        self._columns = {term: column for column, term in enumerate(documents)}
        frequencies = np.fromiter(documents.values(), np.float64, len(documents))
        self._idf = (np.log((1 + len(texts)) / (1 + frequencies)) + 1).astype(np.float32)
        return self

    def encode(self, texts: Iterable[str]) -> Sparse:
        """Sparse (n, D) float32 with rows of length 1; a text without any known term is a row of zeros."""
        values: list[float] = []
        columns: list[int] = []
        offsets = [0]
        for text in texts:
            for term, weight in terms(text):
                column = self._columns.get(term)
                if column is not None:
                    columns.append(column)
                    values.append(weight)
            offsets.append(len(columns))
        parts = (np.asarray(values, np.float32), np.asarray(columns, np.int32), np.asarray(offsets, np.int64))
        matrix = sp.csr_array(parts, shape=(len(offsets) - 1, len(self._columns)))
        matrix.sum_duplicates()
        return _unit_rows(matrix.multiply(self._idf[None, :]).tocsr())


def _unit_rows(matrix: Sparse) -> Sparse:
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))  # (n,)
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sp.csr_array(matrix.multiply(scale[:, None]).astype(np.float32))
