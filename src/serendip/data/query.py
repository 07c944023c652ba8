"""Query: who asks, and what we know of them now. The Python argument, the CLI parse and the HTTP body alike."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from serendip.data.times import epoch_ms

MAX_ID_BYTES = 256
MOST_TEXT = 2_000
"""Characters of what somebody says, in a request or in an event."""
NO_ITEM = ""
"""The item of an event that is about none, such as a search."""
MOST_IMAGE_BYTES = 10_000_000


def _check_id(value: str) -> str:
    if len(value.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES:
        raise ValueError(f"an id has at most {MAX_ID_BYTES} bytes of UTF-8")
    if "\0" in value:
        raise ValueError("an id holds no NUL character")
    return value


Id = Annotated[
    str, StringConstraints(min_length=1), BeforeValidator(lambda v: _check_id(v) if isinstance(v, str) else v)
]


class HistoryEvent(BaseModel):
    """One thing somebody did or said, as it is handed in with a request."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    item_id: Id = NO_ITEM
    """Absent where it is about no item: then it has a `text`, as a search does."""
    type: str = Field("like", min_length=1, max_length=64)
    value: float | None = Field(None, allow_inf_nan=False)
    timestamp: Annotated[int | None, BeforeValidator(epoch_ms, json_schema_input_type=str | float | None)] = None
    """RFC 3339 text, epoch seconds or epoch milliseconds on the way in; milliseconds since 1970 UTC here."""
    text: str | None = Field(None, min_length=1, max_length=MOST_TEXT)
    """What they said: the words of a search, or of a review of the item."""

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.item_id == NO_ITEM and self.text is None:
            raise ValueError("give item_id, text or both")
        return self


def _picture(value: object) -> object:
    """The bytes of a picture: as they are, of the file at a `Path`, or from base64 where it is text (never a path)."""
    if isinstance(value, Path):
        try:
            with value.open("rb") as file:
                return file.read(MOST_IMAGE_BYTES + 1)
        except OSError as error:
            raise ValueError(f"the picture {value} cannot be read: {error.strerror}") from None
    if isinstance(value, str):
        try:
            return b64decode(value, validate=True)
        except ValueError:
            raise ValueError("a picture is sent as the base64 of its file") from None
    return value


def _as_event(value: object) -> object:
    return {"item_id": value} if isinstance(value, str) else value


class Query(BaseModel):
    """A request for a list. Everything is optional: a query without user, history and text is a stranger's.

    Either `user` (their history is looked up) or `history` (it is handed in; ids alone count as likes, oldest
    first). With both, the handed history is the one that counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)

    user: Id | None = Field(None, validation_alias=AliasChoices("user_id", "user"))
    history: tuple[Annotated[HistoryEvent, BeforeValidator(_as_event)], ...] | None = Field(None, max_length=10_000)
    text: str | None = Field(None, max_length=MOST_TEXT)
    """Words to search by; only items that match them are listed, ordered by match and taste."""
    image: Annotated[bytes | None, BeforeValidator(_picture, json_schema_input_type=str | None)] = Field(
        None, max_length=MOST_IMAGE_BYTES, repr=False, exclude=True
    )
    """A picture to search by: its bytes or a `Path` in Python, the base64 of its file (PNG, JPEG, WebP or GIF) in JSON,
    of 10,000,000 bytes at most; alone only items that look alike are listed, with words it orders those that match."""
    alike: Literal["behaviour", "content", "both"] = "behaviour"
    """What makes items like those of the history: who wants them, what is said of them, or both alike."""
    n: int = Field(10, ge=1, le=1_000, validation_alias=AliasChoices("limit", "n"))
    only: frozenset[Id] | None = Field(None, max_length=10_000, validation_alias=AliasChoices("item_ids", "only"))
    without: frozenset[Id] = Field(
        frozenset(), max_length=10_000, validation_alias=AliasChoices("exclude_item_ids", "without")
    )
    filter: Annotated[dict[str, Any], Field(max_length=20)] | Annotated[str, Field(max_length=2_000)] = Field(
        default_factory=dict
    )
    """Attribute to wanted value, list of values, or `{"min": ..., "max": ...}`, all of which must hold; or a condition
    such as `category == "tea" and (price < 20 or not brand in ["Lin", "Oak"])`."""
    diversity: float | None = Field(None, ge=0.0, le=1.0)
    """0 is the plain order, 1 the most varied; None leaves it to the recipe."""
    popularity: float | None = Field(None, ge=-1.0, le=1.0)
    """0 is the plain order; towards 1 the well known come first, towards -1 the little known; None leaves it to the
    recipe."""
    order: Literal["taste", "newest"] = "taste"
    """`newest`: of all that may be listed, or that is found, what arrived last comes first; scores are still those of
    taste."""
    max_per: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict, max_length=10)
    """How many items of one value of an attribute are listed at most, such as `{"maker": 2}`; a hard rule."""
    personalization: bool = True
    """False: the history orders nothing (it still keeps seen items out)."""
    surface: str = Field("default", min_length=1, max_length=64)
    context: dict[str, Any] = Field(default_factory=dict, max_length=50)
    """What is known of the moment; `language` (`en`, `zh`) chooses the words of reasons."""

    @property
    def language(self) -> str:
        return str(self.context.get("language", "en"))


__all__ = ["MAX_ID_BYTES", "MOST_TEXT", "NO_ITEM", "HistoryEvent", "Id", "Query"]
