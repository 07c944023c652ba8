"""One person in a store: all of them is handed out, all of them is erased, and how many were erased is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from serendip.data import Tables
from serendip.store import Exposure, Store, StoredEvent, open_store
from serendip.store.schema import metadata

Reopen = Callable[[], Store]
ANN, SAID = "ann-77", "fine"


def filled(store: Store) -> None:
    """Two people and two friends of theirs, in every table that is about people."""
    for user_id in (ANN, "bo-77"):
        store.put("users", [(user_id, {"name": f"the name of {user_id}"})])
        events = [
            StoredEvent(
                user_id, f"i{n}", "like", 0.5, 1_000 + n, f"{user_id}-{n}", f"r-{user_id}", n, "home", {"n": n}, SAID
            )
            for n in range(1_200)  # more than a history holds
        ]
        store.append(events)
        item = {"item_id": "i1", "rank": 1, "score": 1.0, "source": "ease", "propensity": 1.0}
        store.log_exposures(
            [Exposure(f"r-{user_id}-{n}", user_id, n, "home", "m", "default", (item,)) for n in range(3)]
        )
    heads, tails = [ANN, "cy-77", "bo-77", "i1"], ["cy-77", ANN, "cy-77", "maker"]
    friends = pl.DataFrame({"head": heads, "relation": ["friend"] * 3 + ["made_by"], "tail": tails})
    store.import_tables(Tables(relations=friends))


def rows_that_name(store: Store, user_id: str) -> dict[str, int]:
    """How many rows of each table hold the id anywhere."""
    found = {}
    with store._reading() as connection:  # type: ignore[attr-defined]
        for table in metadata.sorted_tables:
            rows = [row for row in connection.execute(sa.select(table)) if user_id in str(tuple(row))]
            if rows:
                found[table.name] = len(rows)
    return found


def test_an_export_is_every_row_about_a_person_and_nothing_of_another(reopen: Reopen) -> None:
    store = reopen()
    filled(store)
    held = store.export(ANN)
    assert rows_that_name(store, ANN) == {"users": 1, "events": 1_200, "exposures": 3, "relations": 2}
    assert held["attributes"] == {"name": f"the name of {ANN}"}
    assert {table: len(held[table]) for table in ("events", "exposures", "relations")} == {
        "events": 1_200,
        "exposures": 3,
        "relations": 2,
    }
    columns = {column.name for column in metadata.tables["events"].columns} - {"seq"}
    assert set(held["events"][0]) == columns
    assert "bo-77" not in str(held)
    store.close()


def test_an_erasure_is_every_row_about_a_person_and_nothing_of_another(reopen: Reopen) -> None:
    store = reopen()
    filled(store)
    others = rows_that_name(store, "bo-77")
    store.erase(ANN)
    assert rows_that_name(store, ANN) == {}
    assert rows_that_name(store, "bo-77") == others
    store.close()


def test_an_erasure_is_counted_where_there_was_something_to_learn(reopen: Reopen) -> None:
    store = reopen()
    store.append([StoredEvent("ann", "tea", "view"), StoredEvent("bo", "tea", "view"), StoredEvent("ann", "x", "view")])
    store.log_exposures([Exposure("r", "cy", 0, "home", "m", "default", ())])
    before = store.mark()
    assert (before.events, before.erasures) == (3, 0)
    taken = store.take_out("ann")
    assert taken.events["seq"].to_list() == [1, 3]
    assert taken.events["item_id"].to_list() == ["tea", "x"]
    assert (taken.counted, taken.mark.events, taken.mark.erasures) == (True, 2, 1)
    assert store.take_out("cy").counted is False
    assert store.take_out("nobody").counted is False
    tables, mark = store.marked_tables()
    assert (tables.events.height, mark, store.mark()) == (1, taken.mark, taken.mark)
    store.close()
    again = reopen()
    assert again.mark() == taken.mark
    again.close()


def test_a_copy_knows_how_many_were_erased(reopen: Reopen, tmp_path: Path) -> None:
    store = reopen()
    store.append([StoredEvent("ann", "tea", "view")])
    store.erase("ann")
    store.copy_to(tmp_path / "copy.db")
    store.close()
    copy = open_store(tmp_path / "copy.db")
    assert copy.mark().erasures == 1
    copy.close()
