"""Team-draft interleaving: one list of two, in which what people choose says which of them they like better.

Radlinski, Kurup, Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008, section 5.2: in each
round a coin decides which side picks first; each picks its best item that is not in the list yet. A choice is credited
to the side that picked the item. As everybody sees both sides at once, far fewer lists are needed than by a split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Drafted:
    """An item of an interleaved list."""

    item_id: str
    side: int
    """Which side picked it, 0 or 1."""
    chance: float
    """With which it stands in its place, over all coins."""


def team_draft(sides: tuple[Sequence[str], Sequence[str]], n: int, coin: Callable[[], bool]) -> list[Drafted]:
    """At most `n` items of two lists; where `coin` says True the second side picks first.

    The chances are exact: the items picked so far are a start of one list and a start of the other, so that all coins
    together lead to few different states, which are followed with their chances.
    """
    chances = _chances(sides, n)
    picked: list[Drafted] = []
    taken: set[str] = set()
    while len(picked) < n:
        round_ = list(_round(sides, taken, coin()))
        if not round_:
            break
        for item_id, side in round_[: n - len(picked)]:
            picked.append(Drafted(item_id, side, chances[len(picked), item_id]))
            taken.add(item_id)
    return picked


def _round(
    sides: tuple[Sequence[str], Sequence[str]], taken: set[str] | frozenset[str], second: bool
) -> Iterator[tuple[str, int]]:
    """What the two sides pick in one round, in order."""
    chosen: str | None = None
    for side in (1, 0) if second else (0, 1):
        best = next((one for one in sides[side] if one not in taken and one != chosen), None)
        if best is not None:
            chosen = best
            yield best, side


def _chances(sides: tuple[Sequence[str], Sequence[str]], n: int) -> dict[tuple[int, str], float]:
    """With which chance each item stands in each place (from 0)."""
    chances: dict[tuple[int, str], float] = defaultdict(float)
    states: dict[frozenset[str], float] = {frozenset(): 1.0}
    while states:
        following: dict[frozenset[str], float] = defaultdict(float)
        for taken, chance in states.items():
            for second in (False, True):
                round_ = list(_round(sides, taken, second))
                for place, (item_id, _) in enumerate(round_, len(taken)):
                    chances[place, item_id] += chance / 2
                if round_ and len(taken) + len(round_) < n:
                    following[taken.union(item_id for item_id, _ in round_)] += chance / 2
        states = following
    return chances
