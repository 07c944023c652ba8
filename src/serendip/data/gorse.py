"""Gorse: its users, items and feedback in our words, and back; for its clients and for its dumps.

Labels of a thing are whatever JSON its owner chose. A list of words becomes `tags` and an object one attribute per key,
`labels.KEY`, so that filters and models see them; anything else is kept whole as `labels`. Each reads back as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from serendip.data.times import epoch_ms

Attributes = dict[str, Any]

NO_TIME = "0001-01-01T00:00:00Z"
"""What gorse writes where there is no time."""
LABELS = "labels"
WORDS = "tags"
ADDED = "gorse-add-"
STATED = "gorse-put-"
"""How the ids of feedback begin: its value was added to what was there before, or replaced it."""

_LONGEST_KEY = 100  # characters of a label's key; longer ones cannot be names of attributes


def item_attributes(
    *, hidden: bool, categories: Sequence[str] | None, time_ms: int | None, labels: Any, comment: str | None
) -> Attributes:
    """An item's attributes: `hidden`, `category`, `timestamp`, `title` (the comment) and its labels."""
    found: Attributes = {"hidden": True} if hidden else {}
    if categories:
        found["category"] = list(categories)
    if time_ms is not None:
        found["timestamp"] = written_time(time_ms)
    if comment:
        found["title"] = comment
    return found | label_attributes(labels)


def user_attributes(*, labels: Any, comment: str | None) -> Attributes:
    """A person's attributes: `comment` and their labels."""
    return ({"comment": comment} if comment else {}) | label_attributes(labels)


def label_attributes(labels: Any) -> Attributes:
    """Labels as attributes.

    >>> label_attributes(["a", "b"]), label_attributes({"kind": "tea"}), label_attributes(7)
    ({'tags': ['a', 'b']}, {'labels.kind': 'tea'}, {'labels': 7})
    """
    if labels is None:
        return {}
    if isinstance(labels, list) and labels and all(isinstance(label, str) for label in labels):
        return {WORDS: labels}
    if isinstance(labels, dict) and labels and all(map(_plain, labels, labels.values())):
        return {f"{LABELS}.{key}": value for key, value in labels.items()}
    return {LABELS: labels}


def _plain(key: str, value: Any) -> bool:
    return 0 < len(key) <= _LONGEST_KEY and value is not None


def is_label(name: str) -> bool:
    """Whether an attribute of that name is part of the labels."""
    return name in (LABELS, WORDS) or name.startswith(f"{LABELS}.")


def labels_of(attributes: Mapping[str, Any]) -> Any:
    """The labels that `label_attributes` took apart; None where there are none."""
    prefix = f"{LABELS}."
    parts = {name.removeprefix(prefix): value for name, value in attributes.items() if name.startswith(prefix)}
    return parts or attributes.get(LABELS, attributes.get(WORDS))


def categories_of(attributes: Mapping[str, Any]) -> list[Any]:
    value = attributes.get("category")
    return value if isinstance(value, list) else [] if value is None else [value]


def read_time(value: object) -> int | None:
    """Milliseconds since 1970 of a time as gorse's clients write it; None where there is none.

    Raises:
        ValueError: it is not a time, or lies outside 1970 to 2100.
    """
    if isinstance(value, str) and value.startswith(NO_TIME[:-1]):
        return None
    return epoch_ms(value)


def written_time(time_ms: int | None) -> str:
    """RFC 3339 without trailing zeros, as gorse writes it.

    >>> written_time(1645660800000), written_time(1645660800250), written_time(None)
    ('2022-02-24T00:00:00Z', '2022-02-24T00:00:00.25Z', '0001-01-01T00:00:00Z')
    """
    if time_ms is None:
        return NO_TIME
    seconds, rest_ms = divmod(time_ms, 1000)
    fraction = f".{rest_ms:03d}".rstrip("0") if rest_ms else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def feedback_id(
    type_: str, user_id: str, item_id: str, value: float | None, time_ms: int | None, *, adds: bool, note: Any = None
) -> str:
    """The event id of one statement: the same words give the same id, so that what is sent twice counts once.

    Args:
        adds: the value is added to that of the same type, person and item; otherwise it replaces it.
        note: whatever else was said, as JSON.
    """
    text = json.dumps([type_, user_id, item_id, value, time_ms, note], sort_keys=True)
    return (ADDED if adds else STATED) + blake2b(text.encode(), digest_size=16).hexdigest()
