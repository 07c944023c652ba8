"""Saying: what whoever asks for a list should know, as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from serendip.data import Query


def nothing_found(query: Query) -> str:
    """Why a list is empty although filters leave something."""
    if query.text:
        return "no item matches the words"
    looks = "no item looks like the picture"
    return looks if query.image is not None else "nothing known of this person leads to an item"


def unknown_items(which: str, strange: Sequence[str]) -> list[str]:
    """That some items are not known, where there are such."""
    if not strange:
        return []
    return [f"{len(strange)} of {which} are not known to the model, such as {strange[0]!r}"]
