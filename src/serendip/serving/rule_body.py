"""Rule body: a rule of the shop as it is sent, kept and told, with all that can be said against it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_serializer, field_validator, model_validator

from serendip.data import Vocabulary
from serendip.data.query import Id
from serendip.data.times import epoch_ms, rfc3339
from serendip.errors import InputError
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.rules import Rule, RuleKind

NEEDED: dict[RuleKind, tuple[str, ...]] = {
    "pin": ("item_ids", "position"),
    "boost": ("item_ids or filter", "factor"),
    "hide": ("item_ids or filter",),
    "cap": ("attribute", "most"),
    "filter": ("filter",),
}
"""What each kind of rule says, all of it and nothing else."""
_PARTS = ("item_ids", "filter", "position", "factor", "attribute", "most")
_NO_ITEMS = Catalogue(Vocabulary([]), [])

Moment = Annotated[int | None, BeforeValidator(epoch_ms, json_schema_input_type=str | None)]
Filter = Annotated[dict[str, Any], Field(max_length=20)] | Annotated[str, Field(max_length=2_000)]


class RuleBody(BaseModel):
    """What a shop decides beside its models: `pin`, `boost`, `hide`, `cap` or `filter`, where and when."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=100)
    kind: RuleKind
    item_ids: tuple[Id, ...] | None = Field(None, min_length=1, max_length=1_000)
    """What a pin, a boost or a hide is about."""
    filter: Filter | None = None
    """What a boost or a hide is about in the place of `item_ids`, or what a `filter` asks of every item; as in a list's
    `filter`."""
    position: int | None = Field(None, ge=1, le=1_000)
    """Of a pin: the place of its first item, from 1; its others follow."""
    factor: float | None = Field(None, ge=0.01, le=100)
    """Of a boost: what the blended score is multiplied by; below 1 it buries."""
    attribute: str | None = Field(None, min_length=1, max_length=128)
    """Of a cap: an attribute such as `category`."""
    most: int | None = Field(None, ge=1, le=1_000)
    """Of a cap: how many items of one value of the attribute a list holds at most."""
    surface: str | None = Field(None, min_length=1, max_length=64)
    """Lists of this surface alone; null is all lists."""
    since: Moment = Field(None, alias="from")
    """From when it holds, RFC 3339; null is at once."""
    until: Moment = None
    """Until when it holds, itself excluded; null is for ever."""

    @field_serializer("since", "until")
    def _told(self, moment: int | None) -> str | None:
        return None if moment is None else rfc3339(moment)

    @field_validator("filter")
    @classmethod
    def _readable(cls, wanted: Any) -> Any:
        try:
            _NO_ITEMS.matching(wanted or {})
        except InputError as error:
            raise ValueError(str(error)) from None
        return wanted or None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = NEEDED[self.kind]
        given = {name for name in _PARTS if getattr(self, name) is not None}
        for part in needed:
            if len(given & set(part.split(" or "))) != 1:
                raise ValueError(f"a rule of the kind {self.kind} needs {part}{', one of them' * (' or ' in part)}")
        if strange := sorted(given - {name for part in needed for name in part.split(" or ")}):
            raise ValueError(f"a rule of the kind {self.kind} has no {strange[0]}")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("until must be later than from")
        return self

    def holds(self, now_ms: int) -> bool:
        """Whether that moment lies in its calendar."""
        return (self.since is None or self.since <= now_ms) and (self.until is None or now_ms < self.until)

    def rule(self) -> Rule:
        """The same as pipelines know it."""
        given = {name: value for name in _PARTS if (value := getattr(self, name)) is not None}
        return Rule(self.kind, name=self.name, **given)
