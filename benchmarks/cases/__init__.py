"""Cases: what can be measured, by name."""

from __future__ import annotations

from benchmarks.cases import contents, movielens, published_splits, sequences
from benchmarks.cases.case import Case, Fold, Material, Published, caches, data_root
from serendip.errors import InputError

__all__ = ["CASES", "Case", "Fold", "Material", "Published", "caches", "data_root", "find"]

CASES: dict[str, Case] = {
    case.name: case for room in (movielens, sequences, contents, published_splits) for case in room.CASES
}


def find(name: str) -> Case:
    """The case called `name`.

    Raises:
        InputError: there is no such case; the message lists those there are.
    """
    if name not in CASES:
        raise InputError(f"there is no case {name!r}; there are {', '.join(CASES)}")
    return CASES[name]
