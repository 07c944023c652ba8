"""Text to sparse vectors without any pretrained weights: TF-IDF or BM25 over the terms of each text.

Two ways to read a text. For search (`terms`) a word counts as itself and, half as much, as each of its beginnings of
three letters and more, so that `boot` finds `boots` and a word is found while it is typed. For likeness (`content`)
it counts as itself and as its runs of a few letters, so that `vampire` is near `vampires`. Chinese, Japanese and Korean
runs, which have no spaces, count as single characters and overlapping pairs; for likeness, the words of Chinese count
besides, so that a pair that is a word counts more than one that only happened.

tfidf: tf * idf with idf = ln((1 + n) / (1 + df)) + 1 (smoothed, as in Manning, Raghavan and Schuetze, Introduction to
Information Retrieval, section 6.2). bm25: idf' * tf (k + 1) / (tf + k (1 - b + b L / mean L)) for a text of length L
with idf' = ln(1 + (n - df + 1/2) / (df + 1/2)) (Robertson and Zaragoza, "The probabilistic relevance framework: BM25
and beyond", 2009, section 3.1). Rows have length 1, so that a dot product is a cosine.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from typing import Literal, Self

import numpy as np
import scipy.sparse as sp

from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.features.chinese import segmented

BEGINNING_FROM = 3
BEGINNING_UP_TO = 12
BEGINNING_WEIGHT = 0.5
PAIR_WEIGHT = 1.0
CHARACTER_WEIGHT = 0.3
SEGMENT_WEIGHT = 0.5
ASKING_WEIGHT = 0.1
"""Of a word that only asks, such as `something`, in what somebody types to search."""
GRAM = 4
GRAM_WEIGHT = 0.2
LONGEST_WORD = 40
LONGEST_TEXT = 20_000
"""Letters of a text that `content` looks at."""
MOST_TERMS = 2_000_000
"""Different terms met before new ones are no longer learned: a bound on memory."""
SATURATION = 1.2
"""k of BM25: how soon a term that is repeated says nothing more."""
LENGTH_PENALTY = 0.75
"""b of BM25: how much less a term says in a text that is longer than most."""

Weighting = Literal["tfidf", "bm25"]
Term = tuple[str, float]

# What people say around the thing that they look for.
_ASKING = (
    " a an and any anything are but by can do does find for from get give have i if in is it like look looking made "
    "me my need of on one or please possible search show similar some something such that the there these thing this "
    "those to us want we what which with would you "
)
_ASKING_CHINESE = re.compile(
    "我想找|我想要|我想买|我要|想找|想要|想买|有没有|给我看看|给我|请问|类似的|类似|这样的|这样|这个|这种|这款|"
    "但是|但要|不过|适合|一件|一个|一款|什么|的"
)

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_RUNS = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")


def terms(text: str) -> Iterator[Term]:
    """The terms by which a text is searched for, each with its weight; repeated terms are repeated.

    >>> list(terms("Tea 茶壶"))
    [('tea', 1.0), ('tea^', 0.5), ('茶', 0.3), ('壶', 0.3), ('茶壶', 1.0)]
    """
    for run in _runs(text):
        if _IS_CJK.match(run):
            yield from _pairs(run)
        else:
            yield run, 1.0
            ends = range(BEGINNING_FROM, min(len(run), BEGINNING_UP_TO) + 1)
            yield from ((run[:end] + "^", BEGINNING_WEIGHT) for end in ends)


def asked(text: str) -> Iterator[Term]:
    """The terms of what somebody types to search, as `terms` has them; words that only ask count hardly.

    >>> list(asked("anything for tea"))[-2:]
    [('tea', 1.0), ('tea^', 0.5)]
    """
    plain = _ASKING_CHINESE.sub(" ", text)
    for run in _runs(plain if _IS_CJK.search(plain) else text):
        weight = ASKING_WEIGHT if f" {run} " in _ASKING else 1.0
        yield from ((term, weight * own) for term, own in terms(run))


def content(text: str) -> Iterator[Term]:
    """The terms by which a text is like others.

    >>> list(content("Teapot"))
    [('teapot', 1.0), ('^tea', 0.2), ('teap', 0.2), ('eapo', 0.2), ('apot', 0.2), ('pot$', 0.2)]
    """
    for run in _runs(text[:LONGEST_TEXT]):
        if _IS_CJK.match(run):
            yield from _pairs(run)
            yield from ((word, SEGMENT_WEIGHT) for word in segmented(run))
        else:
            word = run[:LONGEST_WORD]
            yield word, 1.0
            framed = f"^{word}$"
            yield from ((framed[start : start + GRAM], GRAM_WEIGHT) for start in range(len(framed) - GRAM + 1))


def _runs(text: str) -> list[str]:
    return _RUNS.findall(unicodedata.normalize("NFKC", text).casefold())


def _pairs(run: str) -> Iterator[Term]:
    yield from ((character, CHARACTER_WEIGHT) for character in run)
    yield from ((run[place : place + 2], PAIR_WEIGHT) for place in range(len(run) - 1))


class TextEncoder:
    """Texts to rows of a sparse matrix.

    >>> encoder = TextEncoder().fit(["green tea", "black coffee"])
    >>> (encoder.encode(["tea"]) @ encoder.encode(["green tea", "black coffee"]).T).toarray().round(2)
    array([[0.65, 0.  ]], dtype=float32)
    """

    def __init__(
        self,
        reading: Callable[[str], Iterable[Term]] = terms,
        weighting: Weighting = "tfidf",
        max_terms: int | None = None,
    ) -> None:
        self._reading, self._weighting, self._max_terms = reading, weighting, max_terms
        self._columns: dict[str, int] = {}
        self._idf = np.empty(0, np.float32)  # (D,)
        self._usual_length = 0.0

    @property
    def names(self) -> list[str]:
        """The term of each column."""
        return list(self._columns)

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the terms of `texts`, those in most texts first where there are more than `max_terms`, and how rare
        each is.
        """
        self.fit_encode(texts)
        return self

    def fit_encode(self, texts: Iterable[str]) -> Sparse:
        """The same as `fit` and then `encode`, reading each text once."""
        self._columns = {}
        return self._weighted(self.weigh(self.count(texts)))

    def encode(self, texts: Iterable[str], reading: Callable[[str], Iterable[Term]] | None = None) -> Sparse:
        """Sparse (n, D) float32 with rows of length 1; a text without any known term is a row of zeros.

        Args:
            reading: how these are read, if not as the texts of `fit` were.
        """
        return self._weighted(self._counted(texts, self._columns, grow=False, reading=reading))

    def count(self, texts: Iterable[str]) -> Sparse:
        """How much of each term each text holds, sparse (n, D); terms that were not met before get columns.

        What is rare is learned by `weigh`, from all counts together.
        """
        return self._counted(texts, self._columns, grow=True)

    def weigh(self, counts: Sparse) -> Sparse:
        """Learn from the counts (n, D) of all texts how rare each term is, and forget those that none holds any more
        or, where there are more than `max_terms`, that fewer hold.

        Returns:
            The counts in the columns that are left.
        """
        found = np.bincount(counts.indices, minlength=counts.shape[1])  # (D,): in how many texts
        kept = _most_frequent(found, self._max_terms)
        if len(kept) < len(found):
            terms_, counts, found = list(self._columns), counts[:, kept], found[kept]
            self._columns = {terms_[old]: new for new, old in enumerate(kept)}
        self._idf = _rarity(found, counts.shape[0], self._weighting)
        self._usual_length = float(counts.sum() / max(1, counts.shape[0]))
        return counts

    @property
    def rarity(self) -> FloatArray:
        """How rare each term is, (D,) float32."""
        return self._idf

    def apart(self) -> Self:
        """The same, learning from now on without this one."""
        twin = copy(self)
        twin._columns = dict(self._columns)
        return twin

    def known(self, text: str, reading: Callable[[str], Iterable[Term]]) -> float:
        """Which share of a text, from 0 to 1, is terms that were met, each as much as it is rare."""
        rarest = float(self._idf.max(initial=1.0))
        rarity = [
            (weight, rarest if (column := self._columns.get(term)) is None else float(self._idf[column]), column)
            for term, weight in reading(text)
        ]
        whole = sum(weight * rare for weight, rare, _ in rarity)
        return sum(weight * rare for weight, rare, column in rarity if column is not None) / whole if whole else 0.0

    def arrays(self) -> dict[str, np.ndarray]:
        """What was learned, as named arrays."""
        words = np.frombuffer("\n".join(self._columns).encode(), np.uint8)
        return {"terms": words.copy(), "idf": self._idf, "usual_length": np.array([self._usual_length])}

    def restore(self, arrays: dict[str, np.ndarray]) -> Self:
        """Take what was learned from `arrays` instead of `fit`."""
        words = arrays["terms"].tobytes().decode()
        self._columns = {term: column for column, term in enumerate(words.split("\n"))} if words else {}
        self._idf, self._usual_length = arrays["idf"], float(arrays["usual_length"][0])
        return self

    def _counted(
        self,
        texts: Iterable[str],
        columns: dict[str, int],
        grow: bool,
        reading: Callable[[str], Iterable[Term]] | None = None,
    ) -> Sparse:
        """How much of each term each text holds, sparse (n, D); terms without a column get one or are left out."""
        values, places, offsets = array("f"), array("i"), array("q", [0])
        for text in texts:
            for term, weight in (reading or self._reading)(text):
                grows = grow and len(columns) < MOST_TERMS
                place = columns.setdefault(term, len(columns)) if grows else columns.get(term)
                if place is not None:
                    places.append(place)
                    values.append(weight)
            offsets.append(len(places))
        cells = (np.array(values, np.float32), np.array(places, np.int32), np.array(offsets, np.int64))
        counts = sp.csr_array(cells, shape=(len(offsets) - 1, len(columns)))
        counts.sum_duplicates()
        return counts

    def _weighted(self, counts: Sparse) -> Sparse:
        if self._weighting == "bm25":
            lengths = counts.sum(axis=1) / (self._usual_length or 1.0)
            penalty = SATURATION * (1 - LENGTH_PENALTY + LENGTH_PENALTY * lengths)  # (n,)
            counts.data *= (SATURATION + 1) / (counts.data + np.repeat(penalty, np.diff(counts.indptr)))
        counts.data *= self._idf[counts.indices]
        return unit_rows(counts)


def unit_rows(matrix: Sparse) -> Sparse:
    """The rows over their lengths; empty rows stay empty."""
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))  # (n,)
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sp.csr_array(matrix.multiply(scale[:, None]).astype(np.float32))


def _most_frequent(found: IntArray, limit: int | None) -> IntArray:
    """The columns with the most texts, one at least and at most `limit` columns, in their order."""
    met = np.flatnonzero(found)
    if limit is None or len(met) <= limit:
        return met
    return np.sort(met[np.argsort(-found[met], kind="stable")[:limit]])


def _rarity(found: IntArray, n_texts: int, weighting: Weighting) -> FloatArray:
    rarity = (
        np.log1p((n_texts - found + 0.5) / (found + 0.5))
        if weighting == "bm25"
        else np.log((1 + n_texts) / (1 + found)) + 1
    )
    return rarity.astype(np.float32)
