"""Bodies: what requests and answers look like. Validation and the OpenAPI document both come from here."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from serendip.data import Query
from serendip.data.query import MAX_ID_BYTES, MOST_TEXT, NO_ITEM, Id
from serendip.data.times import epoch_ms
from serendip.serving.replay import Replayed
from serendip.store import StoredEvent

ANONYMOUS = "anonymous:"
"""A person without an account is kept under this, then their `anonymous_id`."""

MOST_ROWS = 10_000


def _anonymous(value: str) -> str:
    if len((ANONYMOUS + value).encode()) > MAX_ID_BYTES:
        raise ValueError(f"an anonymous id has at most {MAX_ID_BYTES - len(ANONYMOUS)} bytes of UTF-8")
    return value


AnonymousId = Annotated[Id, AfterValidator(_anonymous)]


def _names(attributes: dict[str, Any]) -> dict[str, Any]:
    for name in attributes:
        if not 1 <= len(name) <= 128 or name in ("item_id", "user_id"):
            raise ValueError(f"{name[:128]!r} cannot be the name of an attribute")
    return attributes


AttributeTable = Annotated[dict[str, Any], Field(max_length=200), AfterValidator(_names)]


class Body(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


# Requests


class Ask(Query):
    """Who asks for a list, and under which rules. Everything is optional."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    anonymous_id: AnonymousId | None = None
    """A person without an account; the same as `user_id` with `anonymous:` before it."""
    include: frozenset[Literal["attributes", "reasons"]] = frozenset()
    """What each item carries besides its score."""

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if self.user is not None and self.anonymous_id is not None:
            raise ValueError("give either user_id or anonymous_id")
        return self

    def query(self) -> Query:
        """The same as the library knows it."""
        if self.anonymous_id is None:
            return self
        return self.model_copy(update={"user": ANONYMOUS + self.anonymous_id})


class SimilarAsk(Ask):
    """Which item, and the rules of the list."""

    item_id: Id


class RankAsk(Ask):
    """Whose taste orders which items."""

    item_ids: tuple[Id, ...] = Field(min_length=1, max_length=1_000)

    def query(self) -> Query:
        """All of the items, unless a limit is given."""
        n = self.n if "n" in self.model_fields_set else len(self.item_ids)
        return super().query().model_copy(update={"n": n, "only": None})


class EventBody(Body):
    """Something somebody did."""

    event_id: Id | None = None
    """The same id with the same content counts once, for the life of the store."""
    type: str = Field(min_length=1, max_length=64, examples=["like"])
    user_id: Id | None = None
    anonymous_id: AnonymousId | None = None
    """For people without an account; exactly one of the two is given."""
    item_id: Id | None = None
    """Absent where it is about no item: then it has a `text`, as a search does."""
    value: float | None = Field(None, allow_inf_nan=False)
    timestamp: Annotated[int | None, BeforeValidator(epoch_ms, json_schema_input_type=str | float | None)] = None
    """RFC 3339, epoch seconds or epoch milliseconds; absent is now."""
    request_id: str | None = Field(None, max_length=128)
    """Of the list that it answers to."""
    position: int | None = Field(None, ge=0, le=1_000_000)
    surface: str | None = Field(None, max_length=64)
    context: dict[str, Any] | None = Field(None, max_length=50)
    text: str | None = Field(None, min_length=1, max_length=MOST_TEXT)
    """What the person said: the words of a search, or of a review of the item."""

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.item_id is None and self.text is None:
            raise ValueError("give item_id, text or both")
        return self

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if (self.user_id is None) == (self.anonymous_id is None):
            raise ValueError("give either user_id or anonymous_id")
        return self

    def stored(self) -> StoredEvent:
        return StoredEvent(
            user_id=self.user_id if self.user_id is not None else f"{ANONYMOUS}{self.anonymous_id}",
            item_id=NO_ITEM if self.item_id is None else self.item_id,
            type=self.type,
            value=self.value,
            time_ms=self.timestamp,
            event_id=self.event_id,
            request_id=self.request_id,
            position=self.position,
            surface=self.surface,
            context=self.context,
            text=self.text,
        )


class AttributesBody(Body):
    """What a thing or a person is like: titles, categories, prices, anything."""

    attributes: AttributeTable


class ItemBody(Body):
    item_id: Id
    attributes: AttributeTable = {}


class UserBody(Body):
    user_id: Id
    attributes: AttributeTable = {}


ItemRows = Annotated[tuple[ItemBody, ...], Field(max_length=MOST_ROWS)]
UserRows = Annotated[tuple[UserBody, ...], Field(max_length=MOST_ROWS)]


class ItemsBody(Body):
    items: ItemRows


class UsersBody(Body):
    users: UserRows


# Answers: declared for the OpenAPI document, written without another validation


class Answered(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Item(Answered):
    item_id: str
    attributes: dict[str, Any]


class User(Answered):
    user_id: str
    attributes: dict[str, Any]


class ItemPage(Answered):
    data: list[Item]
    next_cursor: str | None


class UserPage(Answered):
    data: list[User]
    next_cursor: str | None


class Written(Answered):
    accepted: int


class RejectedEvent(Answered):
    index: int
    """Of the row in the request, from 0."""
    type: Literal["invalid", "conflict"]
    detail: str


class EventsReceipt(Answered):
    accepted: int
    """Written, and safe against a power cut."""
    duplicates: int
    rejected: list[RejectedEvent]


class ReasonPart(Answered):
    code: str
    text: str
    contribution: float
    """Over the reasons of an item these add up to its score."""
    evidence: list[str]


class ListedItem(Answered):
    item_id: str
    rank: int
    score: float
    source: str
    propensity: float
    exploration: float
    """The probability with which this rank was given to an item to be tried, whether or not it was."""
    reasons: list[ReasonPart] | None = None
    """Where `include` asks for them."""
    attributes: dict[str, Any] | None = None
    """Where `include` asks for them."""


class ListAnswer(Answered):
    """A list, best first."""

    request_id: str
    """Events that answer to this list carry it."""
    model_version: str
    """`none` where no model had a part in it."""
    degraded: list[str]
    """What did not work and was worked around."""
    warnings: list[str]
    """What the caller should know; an empty list is explained here."""
    took_ms: float
    items: list[ListedItem]


class ShownItem(Answered):
    item_id: str
    rank: int
    score: float
    source: str
    propensity: float
    arm: str | None = None
    """The arm that picked it, where lists of two arms were interleaved."""


class Shown(Answered):
    """What was shown in answer to a request."""

    request_id: str
    user_id: str | None
    time: str
    surface: str
    model_version: str
    recipe: str
    experiment: str | None
    """The id of the experiment that it was part of."""
    arm: str | None
    items: list[ShownItem]
    replay: Replayed
    attributes: dict[str, dict[str, Any]] | None = None
    """Where `include` asks for them: of what was shown, and of what each step begins with, by item id."""


class PastEvent(Answered):
    item_id: str
    type: str
    value: float | None
    timestamp: str | None
    attributes: dict[str, Any] | None = None


class History(Answered):
    """The latest first."""

    user_id: str
    data: list[PastEvent]


class ForgetfulModel(Answered):
    """What became of what one source of a served model learned of the erased."""

    version: str
    source: str
    model: str
    how: Literal["exact", "under way", "at the next build"]
    """`exact`: it is as if it had been fitted without them. `under way`: it is about to be; ask again."""
    keeps_row: bool
    """Until the next build, it holds what each person did as a row of its own, without their id."""


class Erased(Answered):
    """The receipt of an erasure. The same request again tells how far it is now."""

    user_id: str
    time: str
    removed: dict[str, int]
    """Rows removed, by table."""
    caches: dict[str, str]
    models: list[ForgetfulModel]
    """The models that are served."""
    models_deleted: list[str]
    """Versions that were kept in reserve and knew the person."""


class Export(Answered):
    """All that is held of one person; fields without a value are left out."""

    user_id: str
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    exposures: list[dict[str, Any]]
    relations: list[dict[str, Any]]


class Health(Answered):
    status: Literal["ok"]


class Readiness(Answered):
    status: Literal["ready"]
    model_version: str
    degraded: list[str]
