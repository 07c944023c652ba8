"""Event rows: one event, many, or a stream of lines become rows that are checked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from serendip.serving.bodies import MOST_ROWS, EventBody
from serendip.serving.problems import Refused, pointed
from serendip.serving.wire import JSON_TYPE, read_json
from serendip.store import Receipt, Rejected, StoredEvent

NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")


@dataclass(frozen=True)
class Checked:
    """The rows that can be stored, where they stood, and the others."""

    events: list[StoredEvent]
    places: list[int]
    rejected: list[Rejected]

    def answer(self, receipt: Receipt) -> dict[str, Any]:
        """The receipt of the store in terms of the request's rows."""
        refused = [Rejected(self.places[one.index], one.type, one.detail) for one in receipt.rejected]
        rejected = sorted([*self.rejected, *refused], key=lambda one: one.index)
        return {
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "rejected": [{"index": one.index, "type": one.type, "detail": one.detail} for one in rejected],
        }


def checked(body: bytes, media_type: str) -> Checked:
    """The rows of a request.

    Raises:
        Refused: the body as a whole cannot be read, or has too many rows.
    """
    if media_type in NDJSON_TYPES:
        rows = _lines(body)
    elif media_type == JSON_TYPE:
        rows = _rows(read_json(body))
    else:
        known = ", ".join((JSON_TYPE, *NDJSON_TYPES))
        raise Refused("unsupported-media-type", f"events are sent as one of {known}")
    if len(rows) > MOST_ROWS:
        raise Refused("too-large", f"one request carries at most {MOST_ROWS:,} events; this has {len(rows):,}")
    return _checked(rows)


def _rows(content: Any) -> Sequence[Any]:
    """One object, an array, or `{"events": [...]}`."""
    if isinstance(content, dict) and set(content) == {"events"}:
        content = content["events"]
    elif isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise Refused("invalid-request", 'the body is neither an event, nor an array of events, nor {"events": [...]}')
    return content


def _lines(body: bytes) -> Sequence[bytes]:
    return [line for line in body.split(b"\n") if line.strip()]


def _checked(rows: Iterable[Any]) -> Checked:
    found = Checked([], [], [])
    for index, row in enumerate(rows):
        try:
            event = EventBody.model_validate(read_json(row) if isinstance(row, bytes) else row)
        except ValidationError as error:
            found.rejected.append(Rejected(index, "invalid", "; ".join(_spoken(error))))
        except Refused as refused:
            found.rejected.append(Rejected(index, "invalid", refused.detail.replace("the body", "the line")))
        else:
            found.events.append(event.stored())
            found.places.append(index)
    return found


def _spoken(error: ValidationError) -> Iterator[str]:
    for one in pointed([{**dict(each), "loc": ("body", *each["loc"])} for each in error.errors(include_input=False)]):
        yield f"{one.pointer.removeprefix('#').removeprefix('/')}: {one.detail}".removeprefix(": ")
