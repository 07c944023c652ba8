"""Records: what a store takes and hands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import polars as pl

Kind: TypeAlias = Literal["items", "users"]
Comparison: TypeAlias = Literal["split", "interleaving"]
Attributes: TypeAlias = dict[str, Any]
IMPLIED = {"data:write": ("data:read",), "control:read": ("data:read", "recommend:read")}
"""What else a key may do that has such a scope; `admin` may do everything."""


@dataclass(frozen=True)
class StoredEvent:
    """One event as it is accepted."""

    user_id: str
    item_id: str
    """`NO_ITEM` where it is about none, such as a search; then it has a `text`."""
    type: str
    value: float | None = None
    time_ms: int | None = None
    """Milliseconds since 1970 UTC; None is the moment of arrival."""
    event_id: str | None = None
    """The key that makes a repeated call harmless, for the life of the store; None makes a fresh one."""
    request_id: str | None = None
    """The answer that this event is about."""
    position: int | None = None
    """The place in that answer, from 1."""
    surface: str | None = None
    context: dict[str, Any] | None = None
    text: str | None = None
    """What the person said, at most `MOST_TEXT` characters."""


@dataclass(frozen=True)
class Rejected:
    """An event that was not stored."""

    index: int
    """Its place in the call, from 0."""
    type: str
    """`conflict`: its `event_id` is stored with another body; `invalid`: it cannot be stored."""
    detail: str


@dataclass(frozen=True)
class Receipt:
    """What became of the events of one call; the three add up to all of them."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True)
class Changes:
    """Whose history changed since a position in the log of events, by any process, as of one moment."""

    latest: int
    """The position of the newest event, 0 where there is none: where to go on from."""
    erasures: int
    """How many people were ever erased; when it grows, nothing that is known of anybody's history holds."""
    user_ids: frozenset[str] | None
    """Whose events were appended; None: too many to be named."""


@dataclass(frozen=True)
class Mark:
    """A moment of a store."""

    events: int
    """The number of its last event; those that come later have greater ones."""
    erasures: int
    """How many erasures there were before."""


@dataclass(frozen=True, eq=False)
class Erasure:
    """What an erasure took out of the store."""

    removed: dict[str, int]
    """Rows, by table."""
    events: pl.DataFrame
    """The events, in order of arrival: `EVENT_SCHEMA`, and the number of each as `seq`."""
    mark: Mark
    """The moment after it."""
    counted: bool
    """Whether it took out anything that models learn from, and so counts among the erasures of the store."""


@dataclass(frozen=True)
class Drawn:
    """An item in a place of a list that was given by chance."""

    item_id: str
    explored: bool
    """Whether it stands there to find out how it fares, in the place of the one that would have."""
    chance: float
    """With which the place was given to exploration."""


@dataclass(frozen=True)
class Exposure:
    """What one answer showed, and which versions made it."""

    request_id: str
    user_id: str | None
    time_ms: int
    surface: str
    model_version: str
    recipe: str
    items: tuple[dict[str, Any], ...]
    """In order; each with `item_id`, `rank`, `score`, `source`, `propensity`."""
    request: dict[str, Any] | None = None
    """What was asked, so that it can be answered again."""
    position: int | None = None
    """Where the log of events stood for the one who asked."""
    catalogue_version: int | None = None
    """As `Store.catalogue_version` told it then."""
    experiment: str | None = None
    """The id of the experiment that it was part of."""
    arm: str | None = None
    """The arm that made it; None too where all arms did, and each item carries `arm`."""
    drawn: tuple[Drawn, ...] = ()
    """The places that exploration might have given to other items."""


@dataclass(frozen=True, eq=False)
class Showings:
    """What the latest answers showed, and what came of it."""

    exposures: int
    """How many answers were looked at."""
    since_ms: int | None
    """When the oldest of them was given."""
    shown: pl.DataFrame
    """A row for each item of each answer, the latest first: `request_id`, `user_id`, `time_ms`, `surface`, `item_id`,
    `rank`."""
    answers: pl.DataFrame
    """Events that name one of them, by its person where it has one: `request_id`, `item_id`, `type`, `value`."""


@dataclass(frozen=True)
class Arm:
    """One of the ways to answer that an experiment compares."""

    name: str
    model_version: str | None = None
    """A model on the shelf; None: whichever is current."""
    share: float = 1.0
    """Of the people of the experiment, beside the shares of the others."""


@dataclass(frozen=True)
class Experiment:
    """What is compared, on whom, since when."""

    id: str
    name: str
    kind: Comparison
    arms: tuple[Arm, ...]
    """The control first."""
    traffic: float
    """The share of all people who take part."""
    worth: float
    """The smallest difference worth knowing, as a share of lists; fixed before the first look."""
    started_ms: int
    surface: str | None = None
    """Lists of this surface alone; None: of all."""
    begins: float = 0.0
    """Its people are those whose spot lies from here to `traffic` further; set by the store."""
    stopped_ms: int | None = None
    stopped_why: str | None = None


@dataclass(frozen=True)
class StoredRule:
    """A rule of the shop as it is kept; what its body means is for who reads it."""

    id: str
    body: dict[str, Any]
    created_ms: int


@dataclass(frozen=True)
class Key:
    """What is kept of a key to the service, see `store.keys`."""

    id: str
    name: str
    secret_sha256: str
    scopes: tuple[str, ...]
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None

    def valid(self, now_ms: int) -> bool:
        return self.revoked_ms is None and (self.expires_ms is None or now_ms < self.expires_ms)

    def may(self, scope: str) -> bool:
        return "admin" in self.scopes or any(scope in (one, *IMPLIED.get(one, ())) for one in self.scopes)


@dataclass(frozen=True)
class AuditEntry:
    """Somebody did, or tried to do, what an administrator may."""

    time_ms: int
    key_id: str | None
    """None: without a key, where none was needed."""
    action: str
    """The method and the template of the route."""
    target: str | None
    """Which thing; a person only as a digest."""
    status: int
    request_id: str | None = None
    detail: dict[str, Any] | None = None
    """What came of it."""
    seq: int = 0
    """Its number, given by the store."""


@dataclass(frozen=True)
class Imported:
    """What a file brought, and what was refused of it."""

    id: str
    """In order of time."""
    time_ms: int
    body: dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """Some rows of a table, spread evenly over the order of their arrival."""

    rows: list[tuple[str, Attributes]]
    total: int
    """Rows of the table."""


@dataclass(frozen=True)
class TypeCount:
    """How often a type of event occurs among the latest ones."""

    type: str
    events: int
    with_value: int
    latest_ms: int | None
