"""Schema: what items and people are like, told from a sample, and which types of events there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serendip.data import Signals
from serendip.store import Attributes, Sample, Store

SAMPLED = 1_000
"""Items, and people, that are looked at."""
WINDOW = 50_000
"""Latest events whose types are counted."""
EXAMPLES = 3
LONGEST_EXAMPLE = 60
MOST_NAMES = 200


def told(store: Store, signals: Signals) -> dict[str, Any]:
    """All of it."""
    return {
        "items": _table(store.sample("items", SAMPLED)),
        "users": _table(store.sample("users", SAMPLED)),
        "events": _events(store, signals),
    }


def _table(sample: Sample) -> dict[str, Any]:
    rows = [attributes for _, attributes in sample.rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    attributes = [_attribute(name, rows) for name in names[:MOST_NAMES]]
    told = sorted(attributes, key=lambda one: (-one["filled"], one["name"]))
    return {"total": sample.total, "sampled": len(rows), "attributes": told, "more_names": len(names[MOST_NAMES:])}


def _attribute(name: str, rows: Sequence[Attributes]) -> dict[str, Any]:
    values = [row[name] for row in rows if row.get(name) is not None]
    shown = dict.fromkeys(_shown(value) for value in values)
    return {
        "name": name,
        "types": sorted({_type(value) for value in values}),
        "filled": len(values),
        "different": len(shown),
        "examples": list(shown)[:EXAMPLES],
    }


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, dict) else "text"


def _shown(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[:LONGEST_EXAMPLE]}…"


def _events(store: Store, signals: Signals) -> dict[str, Any]:
    """Types that occurred lately, the most frequent first, then those that have a weight and did not."""
    counts = store.type_counts(WINDOW)
    known = [
        {
            "type": one.type,
            "weight": signals.weights.get(one.type),
            "events": one.events,
            "with_value": one.with_value,
            "latest_ms": one.latest_ms,
        }
        for one in counts
    ]
    seen = {one.type for one in counts}
    others = [
        {"type": type_, "weight": weight, "events": 0, "with_value": 0, "latest_ms": None}
        for type_, weight in signals.weights.items()
        if type_ not in seen
    ]
    total = sum(one.events for one in counts)
    return {"window": WINDOW, "counted": total, "liked_from": signals.liked_from, "types": known + others}
