"""Protocol: what a figure claims. Recorded beside each figure; two figures compare only under one protocol."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from serendip.data import Dataset, InputError
from serendip.data.splits import SPLITS, Split
from serendip.evaluation.specification import parse

SEEN_POLICIES = ("excluded", "allowed")


@dataclass(frozen=True)
class Protocol:
    """How data are split, who is asked, what counts as right and what may be listed."""

    split: str = "global-time"
    """One of `serendip.data.splits.SPLITS`."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Arguments of the split, such as `test_share`."""
    cutoffs: tuple[int, ...] = (5, 10, 20)
    seen: str = "excluded"
    """Items with any event of the person in training: `excluded` from lists and from what is right, or `allowed`."""

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"there is no protocol {self.split!r}; there are {', '.join(SPLITS)}")
        known = list(inspect.signature(SPLITS[self.split]).parameters)[1:]
        for name in self.parameters:
            if name not in known:
                raise InputError(f"protocol {self.split}: there is no parameter {name!r}; there are {', '.join(known)}")
        if self.seen not in SEEN_POLICIES:
            raise InputError(f"protocol {self.split}: seen is {self.seen!r}; it can be {' or '.join(SEEN_POLICIES)}")
        if not self.cutoffs or min(self.cutoffs) < 1:
            raise InputError(f"protocol {self.split}: the cut-offs are {self.cutoffs}; they must be at least 1")

    @classmethod
    def of(cls, text: str, cutoffs: tuple[int, ...] = (5, 10, 20)) -> Protocol:
        """From `global-time` or `global-time?test_share=0.1&seen=allowed`.

        Raises:
            InputError: the text names an unknown protocol, parameter or policy.
        """
        split, parameters = parse(text)
        seen = str(parameters.pop("seen", "excluded"))
        return cls(split, parameters, tuple(sorted(set(cutoffs))), seen)

    def divide(self, dataset: Dataset) -> Split:
        return SPLITS[self.split](dataset, **self.parameters)

    @property
    def depth(self) -> int:
        """How long lists are."""
        return max(self.cutoffs)

    def to_json(self) -> dict[str, Any]:
        """The protocol in full, in words where it has no choice to make."""
        given = inspect.signature(SPLITS[self.split]).parameters
        defaults = {name: argument.default for name, argument in list(given.items())[1:]}
        fresh = ", not seen in training" if self.seen == "excluded" else ""
        return {
            "split": self.split,
            "parameters": defaults | self.parameters,
            "relevance": f"items the person wanted in the test part (signal above 0, no veto as last word){fresh}",
            "seen": self.seen,
            "candidates": "the full catalogue",
            "people": "those with a relevant item and a history in training; those without history apart",
            "history": "the person's training events, frozen at the split",
            "cutoffs": list(self.cutoffs),
            "interval": "95 % percentile bootstrap over people",
        }
