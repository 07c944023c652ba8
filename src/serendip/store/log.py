"""The log of events: what is accepted, what is a duplicate, what is a conflict, and what a person did."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.data import HistoryEvent, Past, Signals
from serendip.data.attributes import to_json
from serendip.data.query import MAX_ID_BYTES, MOST_TEXT, NO_ITEM
from serendip.data.signals import RATING
from serendip.data.times import EARLIEST_MS, LATEST_MS
from serendip.data.words import LATEST_SAID
from serendip.store.records import Changes, Receipt, Rejected, StoredEvent
from serendip.store.schema import ERASURES, events, inserting, items, meta

T = TypeVar("T")
Row = dict[str, Any]

MAX_POSITION = 1_000_000
LOOKUP = 500  # ids in one statement
MOST_CHANGES = 10_000  # events whose people are told one by one

ID_LIKE = ("user_id", "item_id", "type")
CORE = (*ID_LIKE, "value")
BODY = (*CORE, "request_id", "position", "surface", "context", "text")

_by_event_id = sa.select(events).where(events.c.event_id.in_(sa.bindparam("ids", expanding=True)))
_latest = (
    sa.select(events.c.item_id, events.c.type, events.c.value, events.c.time_ms, events.c.seq)
    .where(events.c.user_id == sa.bindparam("user_id"), events.c.item_id != NO_ITEM)
    .order_by(events.c.time_ms.desc().nulls_last(), events.c.seq.desc())
    .limit(sa.bindparam("limit"))
)
_said = (
    sa.select(*(events.c[name] for name in ("item_id", "type", "value", "time_ms", "text", "seq")))
    .where(events.c.user_id == sa.bindparam("user_id"), events.c.text.is_not(None))
    .order_by(events.c.time_ms.desc().nulls_last(), events.c.seq.desc())
    .limit(LATEST_SAID)
)
_position = sa.select(
    sa.func.coalesce(sa.select(sa.func.max(events.c.seq)).scalar_subquery(), 0),
    sa.func.coalesce(sa.select(meta.c.value).where(meta.c.name == ERASURES).scalar_subquery(), 0),
)
_appended = sa.select(events.c.user_id).where(events.c.seq > sa.bindparam("after"))


def batches(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`things` in consecutive pieces of at most `size`."""
    for start in range(0, len(things), size):
        yield things[start : start + size]


def prepare(given: Sequence[StoredEvent], now_ms: int) -> tuple[list[int], list[Row], list[Rejected]]:
    """Rows to insert, the place of each in `given`, and those that cannot be stored."""
    places: list[int] = []
    rows: list[Row] = []
    rejected: list[Rejected] = []
    for place, event in enumerate(given):
        try:
            rows.append(_row(event, now_ms))
            places.append(place)
        except ValueError as error:
            rejected.append(Rejected(place, "invalid", str(error)))
    return places, rows, rejected


def _row(event: StoredEvent, now_ms: int) -> Row:
    for name in ("user_id", "type") if event.item_id == NO_ITEM and event.text is not None else ID_LIKE:
        check_text(name, getattr(event, name))
    check_said(event.text)
    for name in ("event_id", "request_id", "surface"):
        if getattr(event, name) is not None:
            check_text(name, getattr(event, name))
    _check_number("value", event.value, -math.inf, math.inf)
    _check_number("time_ms", event.time_ms, EARLIEST_MS - 1, LATEST_MS)
    _check_number("position", event.position, -1, MAX_POSITION)
    return {
        "event_id": event.event_id if event.event_id is not None else uuid.uuid4().hex,
        "user_id": event.user_id,
        "item_id": event.item_id,
        "type": event.type,
        "value": event.value,
        "time_ms": event.time_ms if event.time_ms is not None else now_ms,
        "received_ms": now_ms,
        "request_id": event.request_id,
        "position": event.position,
        "surface": event.surface,
        "context": None if event.context is None else to_json(event.context, sort_keys=True),
        "text": event.text,
    }


def check_said(text: str | None) -> None:
    """Raises ValueError, which does not repeat it, where a text cannot be stored."""
    if text is None:
        return
    if not 1 <= len(text) <= MOST_TEXT:
        raise ValueError(f"text has 1 to {MOST_TEXT:,} characters; this has {len(text):,}")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("text holds a character that cannot be stored")


def check_text(name: str, value: object) -> None:
    """Raises ValueError where `value` cannot be an id or a name."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text that is not empty")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{name} is not valid Unicode") from None
    if "\0" in value:
        raise ValueError(f"{name} holds a NUL character")
    if size > MAX_ID_BYTES:
        raise ValueError(f"{name} is longer than {MAX_ID_BYTES} bytes")


def _check_number(name: str, value: float | None, above: float, below: float) -> None:
    if value is not None and not above < value < below:  # NaN fails both
        raise ValueError(f"{name} is {value}, outside what can be stored")


def insert(connection: Connection, rows: Sequence[Row], body: Sequence[str] | None = BODY) -> tuple[int, list[int]]:
    """Insert what is new; how many that were, and the places of the rows that conflict with what is stored.

    The rest are duplicates: stored under the same `event_id` and alike in time and `body`, the columns to compare
    (None where the same `event_id` cannot mean two things).
    """
    if not rows:
        return 0, []
    statement = inserting(connection, events).on_conflict_do_nothing(index_elements=["event_id"])
    accepted = connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount
    return accepted, [] if body is None or accepted == len(rows) else _conflicts(connection, rows, body)


def _conflicts(connection: Connection, rows: Sequence[Row], body: Sequence[str]) -> list[int]:
    ids = [row["event_id"] for row in rows]
    found = (connection.execute(_by_event_id, {"ids": list(some)}).mappings() for some in batches(ids, LOOKUP))
    stored = {row["event_id"]: row for some in found for row in some}
    return [place for place, row in enumerate(rows) if not _alike(row, stored[row["event_id"]], body)]


def _alike(row: Row, stored: sa.RowMapping, body: Sequence[str]) -> bool:
    """Whether both say the same; an event that came without a time has the time of its arrival."""
    untimed = row["time_ms"] == row["received_ms"] and stored["time_ms"] == stored["received_ms"]
    return (untimed or row["time_ms"] == stored["time_ms"]) and all(row[name] == stored[name] for name in body)


def append(connection: Connection, places: list[int], rows: list[Row], rejected: list[Rejected]) -> Receipt:
    """Insert prepared rows."""
    accepted, conflicts = insert(connection, rows)
    clashes = [conflict(places[row], rows[row]["event_id"]) for row in conflicts]
    all_rejected = sorted([*rejected, *clashes], key=lambda one: one.index)
    return Receipt(accepted, len(rows) - accepted - len(conflicts), tuple(all_rejected))


def conflict(index: int, event_id: str) -> Rejected:
    return Rejected(index, "conflict", f"event_id {event_id!r} is stored with another body")


def history(connection: Connection, user_id: str, limit: int, until: int | None) -> Past:
    """The latest events of one person, oldest first; as of the position `until` of the log."""
    asked = {"user_id": user_id, "limit": limit}
    done, said = _latest, _said
    if until is not None:
        done, said = (query.where(events.c.seq <= until) for query in (_latest, _said))
    return past(connection.execute(done, asked).all(), connection.execute(said, {"user_id": user_id}).all())


def past(rows: Sequence[Any], said: Sequence[Any]) -> Past:
    """From what somebody did (item id, type, value, time, position in the log) and what they said (the same with the
    text before the position), the latest first.
    """
    texts = [
        HistoryEvent.model_construct(item_id=item_id, type=type_, value=value, timestamp=time_ms, text=text)
        for item_id, type_, value, time_ms, text, _ in reversed(said)
    ]
    position = max([row[-1] for row in (*rows, *said)], default=0)
    return Past([row[:4] for row in reversed(rows)], position, tuple(texts))


def changes(connection: Connection, after: int) -> Changes:
    """Whose events stand behind `after`; all at one moment, as the connection sees one."""
    latest, erasures = connection.execute(_position).one()
    if after <= latest <= after + MOST_CHANGES:
        user_ids = connection.execute(_appended, {"after": after}).scalars() if latest > after else ()
        return Changes(latest, erasures, frozenset(user_ids))
    return Changes(latest, erasures, None)  # many, or a store that went back


def page(
    connection: Connection, limit: int, after: int, user_id: str | None, item_id: str | None, type_: str | None
) -> list[tuple[int, StoredEvent]]:
    """The next events in order of arrival."""
    wanted = {events.c.user_id: user_id, events.c.item_id: item_id, events.c.type: type_}
    chosen = [column == value for column, value in wanted.items() if value is not None]
    query = sa.select(events).where(events.c.seq > after, *chosen).order_by(events.c.seq).limit(limit)
    return numbered(connection.execute(query))


def numbered(found: sa.CursorResult[Any]) -> list[tuple[int, StoredEvent]]:
    """Events, each with its place in the log."""
    return [(row["seq"], _event(row)) for row in found.mappings()]


def _event(row: sa.RowMapping) -> StoredEvent:
    names = (*CORE, "time_ms", "event_id", "request_id", "position", "surface", "text")
    context = None if row["context"] is None else json.loads(row["context"])
    return StoredEvent(**{name: row[name] for name in names}, context=context)


def popular(connection: Connection, n: int, signals: Signals) -> list[tuple[str, int]]:
    """Items by how many distinct people gave them a positive signal, hidden items left out."""
    wanted = [type_ for type_, weight in signals.weights.items() if weight > 0]
    low = sa.and_(events.c.type == RATING, events.c.value < signals.liked_from)
    people = sa.func.count(events.c.user_id.distinct()).label("people")
    hidden = sa.select(items.c.id).where(items.c.hidden)
    query = (
        sa.select(events.c.item_id, people)
        .where(events.c.type.in_(wanted), sa.func.coalesce(sa.not_(low), sa.true()), events.c.item_id.not_in(hidden))
        .where(events.c.item_id != NO_ITEM)
        .group_by(events.c.item_id)
        .order_by(people.desc(), events.c.item_id)
        .limit(n)
    )
    return [(item_id, count) for item_id, count in connection.execute(query)]
