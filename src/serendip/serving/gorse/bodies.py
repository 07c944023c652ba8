"""Bodies: users, items and feedback as gorse spells them. What is not known is passed over, as it does itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_pascal

from serendip.data import HistoryEvent
from serendip.data.gorse import (
    categories_of,
    feedback_id,
    item_attributes,
    label_attributes,
    labels_of,
    read_time,
    user_attributes,
    written_time,
)
from serendip.data.query import Id
from serendip.serving.bodies import MOST_ROWS
from serendip.store import Attributes, StoredEvent

Time = Annotated[
    int | None,
    BeforeValidator(read_time, json_schema_input_type=str | float | None),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
FeedbackType = Annotated[Id, Field(max_length=64)]
Value = Annotated[
    float,
    Field(ge=-1e30, le=1e30, allow_inf_nan=False),  # so that sums stay finite, in float32 too
    WithJsonSchema({"type": "number"}, mode="serialization"),  # what came otherwise may be larger
]


class GorseBody(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_pascal, populate_by_name=True, use_attribute_docstrings=True
    )


class GorseUser(GorseBody):
    user_id: Id
    labels: Any = None
    comment: str | None = ""

    def attributes(self) -> Attributes:
        return user_attributes(labels=self.labels, comment=self.comment)


class GorseUserPatch(GorseBody):
    """What is null stays as it is."""

    labels: Any = None
    comment: str | None = None

    def changes(self) -> Attributes:
        changes = {} if self.comment is None else {"comment": self.comment or None}
        return changes | label_attributes(self.labels)


class GorseItem(GorseBody):
    item_id: Id
    is_hidden: bool | None = False
    categories: list[str] | None = None
    timestamp: Time = None
    """RFC 3339, a date, epoch seconds or epoch milliseconds."""
    labels: Any = None
    comment: str | None = ""

    def attributes(self) -> Attributes:
        return item_attributes(
            hidden=bool(self.is_hidden),
            categories=self.categories,
            time_ms=self.timestamp,
            labels=self.labels,
            comment=self.comment,
        )


class GorseItemPatch(GorseBody):
    """What is null stays as it is."""

    is_hidden: bool | None = None
    categories: list[str] | None = None
    timestamp: Time = None
    labels: Any = None
    comment: str | None = None

    def changes(self) -> Attributes:
        changes: Attributes = label_attributes(self.labels)
        if self.is_hidden is not None:
            changes["hidden"] = self.is_hidden or None
        if self.categories is not None:
            changes["category"] = self.categories or None
        if self.timestamp is not None:
            changes["timestamp"] = written_time(self.timestamp)
        if self.comment is not None:
            changes["title"] = self.comment or None
        return changes


class GorseFeedback(GorseBody):
    feedback_type: FeedbackType
    user_id: Id
    item_id: Id
    value: Value = 0
    """0 is none."""
    timestamp: Time = None
    labels: Any = None
    comment: str | None = ""

    def stored(self, *, adds: bool) -> StoredEvent:
        value = self.value or None
        notes = {"comment": self.comment or None, "labels": self.labels}
        context = {name: note for name, note in notes.items() if note is not None}
        said = (self.feedback_type, self.user_id, self.item_id, value, self.timestamp)
        return StoredEvent(
            user_id=self.user_id,
            item_id=self.item_id,
            type=self.feedback_type,
            value=value,
            time_ms=self.timestamp,
            event_id=feedback_id(*said, adds=adds, note=context),
            context=context or None,
        )


class GorseSessionFeedback(GorseBody):
    """What somebody did just now; who, does not matter."""

    feedback_type: FeedbackType
    item_id: Id
    value: Value = 0
    timestamp: Time = None

    def event(self) -> HistoryEvent:
        return HistoryEvent.model_construct(
            item_id=self.item_id, type=self.feedback_type, value=self.value or None, timestamp=self.timestamp
        )


Users = Annotated[list[GorseUser], Field(max_length=MOST_ROWS)]
Items = Annotated[list[GorseItem], Field(max_length=MOST_ROWS)]
Feedback = Annotated[list[GorseFeedback], Field(max_length=MOST_ROWS)]


# Answers: declared for the OpenAPI document, written without another validation


class GorseWritten(GorseBody):
    row_affected: int


class GorseScore(GorseBody):
    id: str
    score: float


class GorseUserPage(GorseBody):
    cursor: str
    """Of the next page; empty where this is the last."""
    users: list[GorseUser]


class GorseItemPage(GorseBody):
    cursor: str
    """Of the next page; empty where this is the last."""
    items: list[GorseItem]


class GorseFeedbackPage(GorseBody):
    cursor: str
    """Of the next page; empty where this is the last."""
    feedback: list[GorseFeedback]


class GorseHealth(GorseBody):
    ready: bool
    data_store_error: str | None
    cache_store_error: str | None
    data_store_connected: bool
    cache_store_connected: bool


def told_user(user_id: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"UserId": user_id, "Labels": labels_of(attributes), "Comment": str(attributes.get("comment", ""))}


def told_item(item_id: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ItemId": item_id,
        "IsHidden": bool(attributes.get("hidden")),
        "Categories": categories_of(attributes),
        "Timestamp": str(attributes.get("timestamp", written_time(None))),
        "Labels": labels_of(attributes),
        "Comment": str(attributes.get("title", "")),
    }
