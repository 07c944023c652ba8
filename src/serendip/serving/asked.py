"""Asked: what somebody wants a list of, as it is answered, logged and answered again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from serendip.data import HistoryEvent, Query, Recommendations
from serendip.pipeline import Pipeline
from serendip.pipeline.exploring import Luck
from serendip.pipeline.rules import NO_RULES, Rules

Kind = Literal["recommendations", "similar", "rank"]
_LOGGED_EXTRA = {"user", "surface"}  # which have columns of their own


@dataclass(frozen=True)
class InForce:
    """The rules of the shop that a list is made under, and how they are found again."""

    rules: Rules = NO_RULES
    version: int = 0
    """As `Store.rules_version` told it."""
    time_ms: int = 0
    """The moment in their calendars."""

    def to_json(self) -> dict[str, int]:
        return {"version": self.version, "time_ms": self.time_ms}


@dataclass(frozen=True)
class Asked:
    """One request for a list."""

    kind: Kind
    query: Query
    item_id: str | None = None
    """What the list shall be similar to."""
    item_ids: tuple[str, ...] = ()
    """What shall be ranked."""
    under: InForce = InForce()
    """The rules of the shop."""

    @classmethod
    def similar_to(cls, item_id: str, query: Query) -> Asked:
        """What people who want `item_id` want too, itself left out."""
        return cls("similar", query.model_copy(update={"without": query.without | {item_id}}), item_id)

    def of(self, pipeline: Pipeline, luck: Luck | None = None) -> Recommendations:
        """The answer of one pipeline; with `luck` it may explore.

        Raises:
            InputError: the query makes no sense.
        """
        if self.item_id is not None:
            return pipeline.similar(self.item_id, self.query, self.under.rules)
        if self.kind == "rank":
            return pipeline.order(self.query, self.item_ids)
        return pipeline.recommend(self.query, luck, self.under.rules)

    def to_json(self) -> dict[str, Any]:
        """Plain values; the person and the surface are told elsewhere."""
        fields = set(Query.model_fields) - _LOGGED_EXTRA
        query = self.query.model_dump(mode="json", include=fields, exclude_defaults=True)
        told: dict[str, Any] = {"kind": self.kind, "query": query}
        if self.query.image is not None:
            told["picture"] = True  # itself it is not kept
        if self.item_id is not None:
            told["item_id"] = self.item_id
        if self.item_ids:
            told["item_ids"] = list(self.item_ids)
        if self.under.rules:
            told["rules"] = self.under.to_json()
        return told

    @classmethod
    def of_json(cls, told: dict[str, Any], user: str | None, surface: str) -> Asked:
        """What `to_json` told, with the person and the surface."""
        query = Query.model_validate(told["query"]).model_copy(update={"user": user, "surface": surface})
        history = told["query"].get("history")
        if history is not None:  # without validation, which would read small times as seconds
            events = tuple(HistoryEvent.model_construct(**{"type": "like", "value": None, **one}) for one in history)
            query = query.model_copy(update={"history": events})
        return cls(told["kind"], query, told.get("item_id"), tuple(told.get("item_ids", ())))
