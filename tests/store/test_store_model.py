"""Random operations against a store and against dictionaries that say what it must hold."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from serendip.store import Store, StoredEvent, open_store

names = st.sampled_from(["a", "b", "c", "é", "a'"])
events = st.builds(
    StoredEvent,
    user_id=names,
    item_id=names,
    type=st.sampled_from(["view", "like"]),
    value=st.none() | st.floats(0, 5),
    time_ms=st.integers(0, 3),
    event_id=st.integers(0, 12).map(str),
    context=st.none() | st.dictionaries(names, st.integers(0, 1), max_size=2),
)
values = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
attributes = st.dictionaries(names, values, max_size=3)


class StoreAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store: Store = open_store(self.folder / "s.db")
        self.events: dict[str, StoredEvent] = {}
        self.items: dict[str, dict[str, object]] = {}

    @rule(batch=st.lists(events, max_size=5))
    def append(self, batch: list[StoredEvent]) -> None:
        accepted, duplicates, conflicts = 0, 0, []
        for index, event in enumerate(batch):
            known = self.events.get(str(event.event_id))
            if known is None:
                self.events[str(event.event_id)] = event
                accepted += 1
            elif known == event:
                duplicates += 1
            else:
                conflicts.append(index)
        receipt = self.store.append(batch)
        assert (receipt.accepted, receipt.duplicates) == (accepted, duplicates)
        assert [one.index for one in receipt.rejected] == conflicts

    @rule(id_=names, attributes=attributes)
    def put(self, id_: str, attributes: dict[str, object]) -> None:
        self.store.put("items", [(id_, attributes)])
        self.items[id_] = attributes

    @rule(id_=names, changes=attributes)
    def patch(self, id_: str, changes: dict[str, object]) -> None:
        after = self.store.patch("items", id_, changes)
        if id_ not in self.items:
            assert after is None
            return
        merged = {**self.items[id_], **changes}
        self.items[id_] = {
            name: value for name, value in merged.items() if name not in changes or changes[name] is not None
        }
        assert after == self.items[id_]

    @rule(id_=names)
    def delete(self, id_: str) -> None:
        assert self.store.delete("items", id_) == (self.items.pop(id_, None) is not None)

    @rule(user_id=names)
    def erase(self, user_id: str) -> None:
        gone = [key for key, event in self.events.items() if event.user_id == user_id]
        assert self.store.erase(user_id)["events"] == len(gone)
        for key in gone:
            del self.events[key]

    @precondition(lambda self: self.events or self.items)
    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = open_store(self.folder / "s.db")

    @rule(user_id=names)
    def history(self, user_id: str) -> None:
        expected = sorted(
            (event for event in self.events.values() if event.user_id == user_id), key=lambda event: event.time_ms or 0
        )
        told = [(event.item_id, event.type, event.value, event.timestamp) for event in self.store.history(user_id)]
        assert told == [(event.item_id, event.type, event.value, event.time_ms) for event in expected]

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert self.store.page("items", 100) == sorted(self.items.items())
        assert self.store.counts()["events"] == len(self.events)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
