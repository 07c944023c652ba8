"""Retrieval: the nearest few among many."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import NDArray

from serendip.data.arrays import FloatArray
from serendip.errors import InputError
from serendip.retrieval.batch import recommend
from serendip.retrieval.codes import Bytes, Product
from serendip.retrieval.exact import Exact, best_of, top_k
from serendip.retrieval.index import Index
from serendip.retrieval.inverted import InvertedLists
from serendip.retrieval.reach import Reached

__all__ = [
    "Exact",
    "Index",
    "InvertedLists",
    "Kind",
    "Reached",
    "best_of",
    "build",
    "recommend",
    "restore",
    "top_k",
]

Kind = Literal["exact", "inverted", "int8", "pq"]
CODERS = {"inverted": None, "int8": Bytes, "pq": Product}


def build(kind: Kind, vectors: FloatArray, seed: int = 0, slack: float = 1.0) -> Index:
    """An index of that kind over `vectors` (N, D): all of them (`exact`), or lists of float32, bytes or product codes.

    Args:
        slack: Of lists; 1 looks wherever the best might be, less looks at less and may miss some.

    Raises:
        InputError: the vectors are no table, or hold a number that is not finite.
    """
    return Exact.build(vectors) if kind == "exact" else InvertedLists.build(vectors, CODERS[kind], seed, slack)


def restore(arrays: dict[str, NDArray[Any]], vectors: FloatArray) -> Index:
    """From what `Index.arrays` gave, and all vectors that it was given: (N, D), those removed included.

    Raises:
        InputError: the arrays are not those of an index, or of other vectors.
    """
    try:
        return InvertedLists.restore(arrays, vectors) if "centres" in arrays else Exact.restore(arrays, vectors)
    except KeyError as error:
        raise InputError(f"the saved index lacks {error}") from None
