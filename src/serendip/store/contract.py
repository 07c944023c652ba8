"""The contract of a store: durable events, catalogue and exposures; one suite of tests for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from serendip.data import Past, Progress, Signals, Tables, silent
from serendip.store.records import (
    Attributes,
    Changes,
    Erasure,
    Experiment,
    Exposure,
    Key,
    Kind,
    Mark,
    Receipt,
    Showings,
    StoredEvent,
    StoredRule,
)


class StoreError(RuntimeError):
    """The store cannot do its work now: closed, locked by another process, disk full or failing.

    Nothing of the call that raised it is kept. The message is one sentence without the data of the call.
    """


class StoreFullError(StoreError):
    """There is no room to write; reading goes on, and writing once there is room again."""


class StoreReadOnlyError(StoreError):
    """The disk or the database takes no writes; reading goes on."""


class Store(Protocol):
    """What is true and stays true.

    A call that writes is one transaction; when it returns, what it wrote has been synchronised to the disk, and
    when it raises, nothing was written. Any thread may call any method. Every call may raise `StoreError`.
    """

    def append(self, events: Sequence[StoredEvent]) -> Receipt:
        """Store events. An `event_id` with the body it is stored with is a duplicate, with another a conflict."""
        ...

    def history(self, user_id: str, limit: int = 1000, until: int | None = None) -> Past:
        """The latest `limit` events of one person, oldest first: by time, then arrival; those without time first.

        With `until` those alone that stood in the log up to that position, as a `Past.position` tells it.
        """
        ...

    def changes(self, after: int) -> Changes:
        """Whose events were appended after the position `after`; quick where there are none."""
        ...

    def import_tables(self, tables: Tables, progress: Progress = silent) -> Receipt:
        """Store everything in `tables` or nothing; the receipt counts the events.

        Items and users replace what is stored under their id. An event without `event_id` gets one derived from
        its content and from how many like it stand before it, so that the same import again adds nothing.

        Raises:
            InputError: a row cannot be stored; the message names the table, the row (from 1) and the column.
        """
        ...

    def tables(self) -> Tables:
        """Everything there is to learn from, events in order of arrival, items and users in order of appearance."""
        ...

    def marked_tables(self) -> tuple[Tables, Mark]:
        """The same, and the moment that it shows."""
        ...

    def mark(self) -> Mark:
        """The moment now."""
        ...

    def put(self, kind: Kind, rows: Sequence[tuple[str, Attributes]]) -> int:
        """Store items or users with exactly these attributes; how many.

        Raises:
            InputError: an id or an attribute cannot be stored; the message names it.
        """
        ...

    def patch(self, kind: Kind, id: str, attributes: Attributes) -> Attributes | None:
        """Change the named attributes (None removes one); all of them after the change, None if the id is unknown."""
        ...

    def get(self, kind: Kind, id: str) -> Attributes | None:
        """The attributes, None if the id is unknown."""
        ...

    def delete(self, kind: Kind, id: str) -> bool:
        """Remove an item (its events stay), or erase a user; whether there was anything."""
        ...

    def page(self, kind: Kind, limit: int, after: str | None = None) -> list[tuple[str, Attributes]]:
        """The next `limit` ids after `after`, in order of their UTF-8 bytes, with their attributes."""
        ...

    def attributes(self, item_ids: Sequence[str]) -> dict[str, Attributes]:
        """The attributes of those of `item_ids` that are known."""
        ...

    def log_exposures(self, exposures: Sequence[Exposure]) -> None:
        """Store what was shown; a `request_id` that is stored already is left as it is."""
        ...

    def exposure(self, request_id: str) -> Exposure | None:
        """What the answer `request_id` showed."""
        ...

    def latest_lists(self, limit: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The latest `limit` lists, newest first, and what their people did with what they showed.

        Lists: `request_id`, `user_id`, `time_ms`, `surface`, `item_ids`. Events of the person on a shown item that name
        its list: `request_id`, `item_id`, `type`, `value`.
        """
        ...

    def arrivals(self, since_ms: int, limit: int) -> list[tuple[int, int]]:
        """How many events came in since then, by minute (its start in milliseconds), of the latest `limit` alone."""
        ...

    def start_experiment(self, experiment: Experiment) -> Experiment:
        """Keep a new experiment and give it people who are in no other that runs; with `begins`.

        Raises:
            InputError: one of that name runs already, or too many people are in others.
        """
        ...

    def experiments(self, running: bool = False) -> list[Experiment]:
        """All there ever were, or those that run; oldest first."""
        ...

    def stop_experiment(self, id: str, why: str) -> bool:
        """End an experiment for ever; whether it ran until now."""
        ...

    def experiment_log(self, id: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """What an experiment showed, and what came of it, in order of time.

        Lists: `request_id`, `user_id`, `arm`, `empty`. Events that name one of them, by its person, on an item that
        it showed: `request_id`, `item_id`, `type`, `value`, `arm` (of the item where it has one, else of the list).
        """
        ...

    def exploration_log(self, since_ms: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """What was drawn in lists since then, and what came of it.

        Draws: `request_id`, `user_id`, `recipe`, `item_id`, `explored`, `chance`. Events of the person on a drawn item
        that name its list: `request_id`, `item_id`, `type`, `value`.
        """
        ...

    def event_page(
        self,
        limit: int,
        after: int = 0,
        *,
        user_id: str | None = None,
        item_id: str | None = None,
        type: str | None = None,
    ) -> list[tuple[int, StoredEvent]]:
        """The next `limit` events after the place `after`, each with its place, in order of arrival.

        Those of one person, item or type where it is given; without a person it reads the log from `after` on.
        """
        ...

    def timeline(
        self, user_id: str, limit: int, before: tuple[int | None, int] | None = None
    ) -> list[tuple[int, StoredEvent]]:
        """The `limit` events of a person before a time and a place, each with its place, the latest first.

        In the order of `history`, turned round.
        """
        ...

    def latest_on(self, item_id: str, limit: int, before: int | None = None) -> list[tuple[int, StoredEvent]]:
        """The `limit` events on an item before the place `before`, each with its place, those that came last first."""
        ...

    def latest(self, limit: int) -> pl.DataFrame:
        """The `limit` events that came last, in order: `user_id`, `item_id`, `type`, `value`, `time_ms`, `seq`."""
        ...

    def latest_of_each(self, item_ids: Sequence[str], limit: int) -> pl.DataFrame:
        """The same of the `limit` events on each of the items that came last, in order."""
        ...

    def requests(self, user_id: str, limit: int, before: tuple[int, str] | None = None) -> list[Exposure]:
        """The `limit` answers that a person got before a time and a request id, the latest first."""
        ...

    def showings(self, latest: int, item_id: str | None = None) -> Showings:
        """What the `latest` answers showed, or when they showed one item, and what their people did with it."""
        ...

    def popular(self, n: int, signals: Signals) -> list[tuple[str, int]]:
        """The `n` items wanted by most people, and by how many (by positive signal); hidden items are left out."""
        ...

    def counts(self) -> dict[str, int]:
        """Sizes: `events`, `items` (of the catalogue), `users` (known or acting), `relations`, `exposures`."""
        ...

    def catalogue_version(self) -> int:
        """A number that grows with every change of items."""
        ...

    def erase(self, user_id: str) -> dict[str, int]:
        """Forget one person, in the bytes of the files too; how many `events`, `users`, `exposures`, `relations`.

        Takes time in proportion to the whole store.
        """
        ...

    def take_out(self, user_id: str) -> Erasure:
        """Delete one person, and hand out what models may have learned of them; `scrub` completes the erasure."""
        ...

    def scrub(self) -> None:
        """Clear what the files still hold of deleted rows; it takes time in proportion to the whole store.

        Where it raises, the rows are deleted, and it can be called again.
        """
        ...

    def export(self, user_id: str) -> dict[str, Any]:
        """All that is held of one person: `user_id`, `attributes`, `events`, `exposures`, `relations`."""
        ...

    def add_rule(self, rule: StoredRule) -> None:
        """Keep a new rule of the shop.

        Raises:
            InputError: there are as many as may be.
        """
        ...

    def rules(self) -> list[StoredRule]:
        """All rules of the shop, oldest first."""
        ...

    def replace_rule(self, rule: StoredRule) -> bool:
        """Give the rule of that id another body; whether there is one."""
        ...

    def delete_rule(self, id: str) -> bool:
        """Remove a rule; whether there was one."""
        ...

    def rules_version(self) -> int:
        """A number that grows with every change of rules; quick."""
        ...

    def add_key(self, key: Key) -> None:
        """Keep a new key, of which the store never sees the secret."""
        ...

    def keys(self) -> list[Key]:
        """All keys ever made, oldest first."""
        ...

    def revoke_key(self, id: str) -> bool:
        """Make a key worthless for ever; whether there is one of that id."""
        ...

    def copy_to(self, path: Path) -> None:
        """Write everything, as it is at one moment, as a store in the new SQLite file `path`; others may write on."""
        ...

    def writes_waiting(self) -> int:
        """Calls that write and wait until those before them are written."""
        ...

    def close(self) -> None:
        """Finish what was begun and let go of the files; later calls raise `StoreError`."""
        ...
