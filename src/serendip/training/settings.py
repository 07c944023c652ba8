"""How hyper-parameters are declared: once, with their range, their meaning, and where tuning looks for them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True)
class Search:
    """Where tuning looks for a hyper-parameter, ends included: `l2: Annotated[float, Search(1, 1_000, log=True)]`.

    Narrower than what the field allows: the values worth their time on some data set or other.
    """

    low: float
    high: float
    log: bool = False
    """Draw by order of magnitude; then `low` is above 0."""


@dataclass(frozen=True)
class NotSearched:
    """A hyper-parameter that tuning leaves at its default, and why."""

    reason: str


class ModelConfig(BaseModel):
    """Hyper-parameters of a model, each declared once; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def searched(cls) -> dict[str, Search]:
        """Where tuning looks for each hyper-parameter that it looks for."""
        marks = [(name, mark) for name, field in cls.model_fields.items() for mark in field.metadata]
        return {name: mark for name, mark in marks if isinstance(mark, Search)}


@dataclass(frozen=True)
class Tuning:
    """How much of a pretrained encoder learns along."""

    layers: int
    """The last so many."""
    rank: int
    """Of what is added to their projections."""
