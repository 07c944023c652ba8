"""Protocol: what a figure claims. Recorded beside each figure; two figures compare only under one protocol."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from serendip.data import Dataset, InputError
from serendip.data.splits import SPLITS, Split
from serendip.evaluation.specification import parse

T = TypeVar("T")

GIVEN = "given"
SEEN_POLICIES = ("excluded", "allowed")
CANDIDATES = {"all": "the full catalogue", "new": "the items without any event in training"}
HEADLINES = ("ndcg", "recall", "hit_rate", "mrr", "coverage")


@dataclass(frozen=True)
class Protocol:
    """How data are split, who is asked, what counts as right and what may be listed."""

    split: str = "global-time"
    """One of `serendip.data.splits.SPLITS`, or `given` for data that come as a `Split`."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Arguments of the split, such as `test_share`."""
    cutoffs: tuple[int, ...] = (5, 10, 20)
    seen: str = "excluded"
    """Items with any known event of the person: `excluded` from lists and from what is right, or `allowed`."""
    candidates: str = "all"
    """What may be listed: `all` items, or only `new` ones, without any event in training."""
    sampled: int | None = None
    """Rank only what is right and so many other candidates, drawn at random for each person. Such figures flatter,
    order models differently, and are marked as not comparable: Krichene, Rendle, "On sampled metrics for item
    recommendation", KDD 2020. None: all candidates are ranked."""

    def __post_init__(self) -> None:
        check_parameters(self.split, self.parameters)
        if self.seen not in SEEN_POLICIES:
            raise InputError(f"protocol {self.split}: seen is {self.seen!r}; it can be {' or '.join(SEEN_POLICIES)}")
        if self.candidates not in CANDIDATES:
            known = " or ".join(CANDIDATES)
            raise InputError(f"protocol {self.split}: candidates is {self.candidates!r}; it can be {known}")
        if self.sampled is not None and (type(self.sampled) is not int or self.sampled < 1):
            raise InputError(f"protocol {self.split}: sampled is {self.sampled!r}; it must be a whole number from 1")
        if not self.cutoffs or min(self.cutoffs) < 1:
            raise InputError(f"protocol {self.split}: the cut-offs are {self.cutoffs}; they must be at least 1")

    @classmethod
    def of(cls, text: str, cutoffs: tuple[int, ...] = (5, 10, 20)) -> Protocol:
        """From `global-time` or `global-time?test_share=0.1&seen=allowed`.

        Raises:
            InputError: the text names an unknown protocol, parameter or policy.
        """
        split, parameters = parse(text)
        own = {name: parameters.pop(name) for name in ("seen", "candidates", "sampled") if name in parameters}
        return cls(split, parameters, tuple(sorted(set(cutoffs))), **own)

    def divide(self, data: Dataset | Split) -> Split:
        """The split of a dataset; what comes divided stays as it is."""
        return divide(self.split, self.parameters, data)

    @property
    def depth(self) -> int:
        """How long lists are."""
        return max(self.cutoffs)

    @property
    def columns(self) -> list[str]:
        """The metrics of a table; the first is the one by which models are compared."""
        k = primary_cutoff(self.cutoffs)
        return list(self.named({f"{name}@{k}": 0 for name in HEADLINES}))

    def named(self, metrics: Mapping[str, T]) -> dict[str, T]:
        """Metrics under the names they are shown by: no sampled figure can be taken for one of a full ranking."""
        return {f"sampled_{name}" if self.sampled else name: value for name, value in metrics.items()}

    def case(self, split: Split) -> str:
        return f"{split.name}?sampled={self.sampled}" if self.sampled else split.name

    def heading(self, sizes: Mapping[str, int]) -> str:
        """The protocol and the sizes in one line, to stand above a table."""
        ranked = f"full ranking of {sizes['candidates']:,} items"
        if self.sampled:
            ranked = f"SAMPLED, NOT COMPARABLE: what is right among {self.sampled:,} random items"
        return (
            f"{self.split}, {ranked}, seen items {self.seen}: "
            f"{sizes['asked']:,} people asked; {sizes['new']:,} new people apart"
        )

    def to_json(self) -> dict[str, Any]:
        """The protocol in full, in words where it has no choice to make."""
        fresh = ", not known of them" if self.seen == "excluded" else ""
        candidates = CANDIDATES[self.candidates]
        if self.sampled:
            candidates = f"{self.sampled} of {candidates} drawn at random, and what is relevant; not comparable"
        return {
            "split": self.split,
            "parameters": all_parameters(self.split, self.parameters),
            "relevance": f"items the person wanted in the test part (signal above 0, no veto as last word){fresh}",
            "seen": self.seen,
            "candidates": candidates,
            "comparable": self.sampled is None,
            "people": "those with a relevant item and a history; those without history apart",
            "history": "the person's training events, or those folded in, frozen at the split",
            "cutoffs": list(self.cutoffs),
            "interval": "95 % percentile bootstrap over people",
        }


def divide(split: str, parameters: Mapping[str, Any], data: Dataset | Split) -> Split:
    """By the name and the arguments of a split.

    Raises:
        InputError: divided data under another protocol than `given`, or undivided data under that one.
    """
    if isinstance(data, Split) != (split == GIVEN):
        has = "come divided" if isinstance(data, Split) else "are not divided yet"
        raise InputError(f"protocol {split} cannot be used on data that {has}; {GIVEN} is for those that come divided")
    return data if isinstance(data, Split) else SPLITS[split](data, **parameters)


def check_parameters(split: str, parameters: Mapping[str, Any]) -> None:
    """Raise an InputError where there is no such split, or it has no such parameter."""
    if split not in (*SPLITS, GIVEN):
        raise InputError(f"there is no protocol {split!r}; there are {', '.join([*SPLITS, GIVEN])}")
    known = list(_defaults(split))
    for name in parameters:
        if name not in known:
            raise InputError(
                f"protocol {split}: there is no parameter {name!r}; there are {', '.join(known) or 'none'}"
            )


def all_parameters(split: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those given and the defaults of the others."""
    return _defaults(split) | dict(parameters)


def _defaults(split: str) -> dict[str, Any]:
    if split == GIVEN:
        return {}
    return {name: it.default for name, it in list(inspect.signature(SPLITS[split]).parameters.items())[1:]}


def primary_cutoff(cutoffs: tuple[int, ...]) -> int:
    """10 where it is measured, else the nearest."""
    return min(cutoffs, key=lambda k: (abs(k - 10), k))
