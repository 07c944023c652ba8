"""Reasons: the parts of a score, largest first; over an item their contributions add up to its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serendip.data import Reason
from serendip.explanation.words import say

NAMED = 3
"""How many causes an item names; the others are one reason together."""
NEGLIGIBLE = 1e-9


@dataclass(slots=True)
class Share:
    """What one cause adds to one item's score."""

    code: str
    """`popular`, `text`, `alike`, `model`, `boost`, `bury`, or the type of the event that caused it."""
    contribution: float
    item_id: str = ""
    """The item of the history, where the cause is one."""
    title: str = ""
    named: bool = False
    """Whether it is always told, however little it adds or takes away."""


def reasons_of(shares: Sequence[Share], language: str, text: str = "", rest: float = 0.0) -> tuple[Reason, ...]:
    """The strongest positive causes, then everything else as one reason (code `other`).

    Args:
        shares: causes that may be named, in any order.
        rest: what further causes, which are not worth naming, add together.

    >>> shares = [Share("like", 0.5, "i1", "Tea"), Share("view", -0.1, "i2", "Milk"), Share("popular", 0.2)]
    >>> [(reason.code, reason.contribution) for reason in reasons_of(shares, "en")]
    [('history', 0.5), ('popular', 0.2), ('other', -0.1)]
    """
    ordered = sorted(shares, key=lambda share: -share.contribution)
    named: list[Share] = []
    for place, share in enumerate(ordered):
        strong = place < NAMED and share.contribution > NEGLIGIBLE
        if strong or (share.named and abs(share.contribution) > NEGLIGIBLE):
            named.append(share)
        else:
            rest += share.contribution
    reasons = [_reason(share, language, text) for share in named]
    if abs(rest) > NEGLIGIBLE:
        reasons.append(Reason("other", say("other", language), rest))
    return tuple(reasons)


def _reason(share: Share, language: str, text: str) -> Reason:
    words = say(share.code, language, title=share.title, text=text)
    if share.item_id:
        return Reason("history", words, share.contribution, (share.item_id,))
    return Reason(share.code, words, share.contribution)
