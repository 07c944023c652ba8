"""Sampling: some people to try things on, those who did something last; a look of fixed cost however much there is."""

from __future__ import annotations

from serendip.store import Store

LATEST_EVENTS = 5_000


def recent(store: Store) -> list[str]:
    """The people of the latest `LATEST_EVENTS` events, the latest first."""
    after = max(0, store.mark().events - LATEST_EVENTS)
    events = store.event_page(LATEST_EVENTS, after)
    return list(dict.fromkeys(event.user_id for _, event in reversed(events)))


def recent_people(store: Store, n: int) -> list[str]:
    """At most `n` of them, spread evenly."""
    people = recent(store)
    step = max(1, len(people) // n) if n else 1
    return people[::step][:n]
