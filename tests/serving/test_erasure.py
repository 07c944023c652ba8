"""Erasure reaches everything: models exactly, caches, reserves, and every byte of the workspace."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from serendip import models
from serendip.pipeline import Pipeline, Recipe
from serendip.serving import erasure as erasing
from serendip.serving.engine import Engine
from serendip.store import Exposure, StoredEvent, StoreFullError, Workspace, sqlite
from serendip.store.provenance import Provenance
from serendip.training import FitOptions
from tests.serving.conftest import opened, shop_tables

SEVERAL = """
name = "several"
[[sources]]
model = "ease"
[[sources]]
model = "next_item"
[[sources]]
model = "user_knn"
[[sources]]
model = "popular"
"""
FORGETFUL, SLOW = {"ease", "next_item"}, {"user_knn", "popular"}


def train(workspace: Workspace) -> str:
    reading = workspace.read()
    file = workspace.path / "several.toml"
    file.write_text(SEVERAL)
    pipeline = Pipeline(Recipe.read(file)).fit(reading.dataset, FitOptions(threads=1))
    return workspace.adopt(pipeline, reading)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path / "shop") as workspace:
        train(workspace)
        yield workspace


@pytest.fixture
def engine(shop: Workspace) -> Iterator[Engine]:
    engine = Engine(shop)
    engine.start()
    yield engine
    engine.stop()


def how(done: erasing.Done) -> dict[str, str]:
    return {one.source: one.how for one in done.models}


def assert_as_if_fitted_without(workspace: Workspace, sources: set[str]) -> None:
    """The current model is what a fit on what the store holds now would be."""
    saved = workspace.pipeline()
    anew = Pipeline(saved.recipe).fit(workspace.dataset()[0], FitOptions(threads=1))
    for name in sources:
        weights = anew.models[name].weights()
        for key, array in saved.models[name].weights().items():
            np.testing.assert_allclose(array, weights[key], atol=1e-6, rtol=0, err_msg=f"{name} {key}")
    np.testing.assert_array_equal(saved.wanted_by, anew.wanted_by)


def test_models_that_can_forget_exactly_and_at_once(shop, engine) -> None:
    before, fitted_s = shop.pipeline().models, engine.deployment.current.trained_s
    done = engine.erasures.erase("u3")
    assert done.removed == {"events": 8, "users": 1, "exposures": 0, "relations": 0}
    assert how(done) == dict.fromkeys(FORGETFUL, "exact") | dict.fromkeys(SLOW, "at the next build")
    assert [one.source for one in done.models if one.keeps_row] == ["user_knn"]
    assert_as_if_fitted_without(shop, FORGETFUL)
    assert not np.allclose(before["ease"].weights()["b"], shop.pipeline().models["ease"].weights()["b"], atol=1e-6)
    assert engine.deployment.current.version == shop.current_model().name == done.models[0].version
    assert engine.deployment.current.trained_s == fitted_s  # it is no younger for having forgotten


def test_people_erased_one_after_another_are_all_forgotten(shop, engine) -> None:
    for n in range(5):
        assert how(engine.erasures.erase(f"u{n}"))["ease"] == "exact"
    assert_as_if_fitted_without(shop, FORGETFUL)


def test_nothing_of_the_model_that_knew_them_is_left(shop, engine) -> None:
    first = shop.current_model().name
    second = train(shop)
    engine.deployment.look()
    done = engine.erasures.erase("u3")
    assert sorted(done.models_deleted) == sorted([first, second])
    assert [folder.name for folder in shop.models_dir.iterdir() if folder.is_dir()] == [shop.current_model().name]
    assert [served.version for served in engine.deployment.in_order()] == [shop.current_model().name]


def test_what_a_fit_that_was_cut_off_had_learned_is_gone(shop, engine) -> None:
    left = shop.checkpoints_dir / "sasrec.safetensors"
    left.parent.mkdir()
    left.write_bytes(b"learned of everybody")
    engine.erasures.erase("u3")
    assert not left.exists()


def test_another_process_lets_go_of_a_model_that_was_deleted(shop, engine) -> None:
    train(shop)
    other = Engine(shop)
    train(shop)
    other.deployment.look()
    assert other.deployment.previous is not None
    engine.erasures.erase("u3")
    other.deployment.look()
    versions = {folder.name for folder in shop.models_dir.iterdir() if folder.is_dir()}
    assert {served.version for served in other.deployment.in_order()} <= versions


def test_only_what_was_learned_is_forgotten(shop, engine) -> None:
    """Events that came after the fit taught nothing, so nothing of them may be taken back."""
    shop.store.append([StoredEvent("u3", f"i{n}", "like", event_id=f"late-{n}") for n in range(0, 40, 3)])
    assert engine.erasures.erase("u3").removed["events"] == 8 + 14
    assert_as_if_fitted_without(shop, FORGETFUL)


def test_without_the_mark_of_the_log_the_weights_would_be_wrong(shop, engine, monkeypatch) -> None:
    shop.store.append([StoredEvent("u3", f"i{n}", "like", event_id=f"late-{n}") for n in range(0, 40, 3)])
    monkeypatch.setattr(Provenance, "read", lambda self, erasure: erasure.events.drop("seq"))
    engine.erasures.erase("u3")
    with pytest.raises(AssertionError, match="ease"):
        assert_as_if_fitted_without(shop, {"ease"})


def test_numbers_that_the_store_gives_again_are_not_taken_for_learned(shop, engine) -> None:
    """The last number of the log is free again once its person is erased."""
    last = shop.store.tables().events["user_id"][-1]
    engine.erasures.erase(last)
    shop.store.append([StoredEvent("late", f"i{n}", "like", event_id=f"late-{n}") for n in range(12)])
    done = engine.erasures.erase("late")
    assert how(done)["ease"] == "exact"
    assert_as_if_fitted_without(shop, FORGETFUL)


def test_who_came_after_the_fit_leaves_every_model_as_it_is(shop, engine) -> None:
    version = shop.current_model().name
    shop.store.append([StoredEvent("new", "i1", "like")])
    done = engine.erasures.erase("new")
    assert set(how(done).values()) == {"exact"}
    assert shop.current_model().name == version
    assert how(engine.erasures.erase("u3"))["ease"] == "exact"
    assert_as_if_fitted_without(shop, FORGETFUL)


def test_who_has_nothing_changes_no_model(shop, engine) -> None:
    version = shop.current_model().name
    done = engine.erasures.erase("nobody")
    assert (sum(done.removed.values()), set(how(done).values())) == (0, {"exact"})
    assert shop.current_model().name == version


def test_the_next_build_forgets_the_rest(shop, engine) -> None:
    engine.erasures.erase("u3")
    train(shop)
    engine.deployment.look()
    done = engine.erasures.erase("u3")  # asked again, the receipt tells how it stands
    assert {one.how for one in done.models if one.version == shop.current_model().name} == {"exact"}


def test_a_fit_that_began_before_an_erasure_is_known_to_remember(shop, engine) -> None:
    reading = shop.read()
    engine.erasures.erase("u3")
    pipeline = Pipeline(shop.pipeline().recipe).fit(reading.dataset, FitOptions(threads=1))
    shop.adopt(pipeline, reading)
    engine.deployment.look()
    late = [one for one in engine.erasures.erase("u3").models if one.version == shop.current_model().name]
    assert {one.how for one in late} == {"at the next build"}
    # It missed one, so it is not exact after another either, and does not say so.
    assert {one.how for one in engine.erasures.erase("u4").models} == {"at the next build"}


def test_a_model_is_not_put_in_the_place_of_one_that_came_meanwhile(shop, engine, monkeypatch) -> None:
    load, trained = Pipeline.load, []

    def meanwhile(folder: Path) -> Pipeline:
        if not trained:
            trained.append(folder)
            trained.append(train(shop))
        return load(folder)

    monkeypatch.setattr(Pipeline, "load", meanwhile)
    engine.erasures.erase("u3")
    assert_as_if_fitted_without(shop, FORGETFUL)
    assert not list(shop.models_dir.glob("*.tmp"))


def test_where_the_files_cannot_be_cleared_models_forget_and_the_request_is_repeated(shop, ask_of, monkeypatch) -> None:
    def fail(self: sqlite.SqliteStore) -> None:
        raise StoreFullError("the rows are erased, but there is no room")

    client, scrub = ask_of(shop), sqlite.SqliteStore._scrub
    monkeypatch.setattr(sqlite.SqliteStore, "_scrub", fail)
    assert client("DELETE", "/v1/users/u3").status_code == 507
    client.app.state.engine.erasures.stop()
    assert_as_if_fitted_without(shop, FORGETFUL)
    assert (shop.path / "serendip.db-wal").read_bytes() != b""
    monkeypatch.setattr(sqlite.SqliteStore, "_scrub", scrub)
    receipt = client("DELETE", "/v1/users/u3").json()
    assert sum(receipt["removed"].values()) == 0
    assert {one["how"] for one in receipt["models"] if one["source"] in FORGETFUL} == {"exact"}
    assert (shop.path / "serendip.db-wal").read_bytes() == b""


def test_a_crash_between_store_and_model_leaves_a_model_that_says_so(shop, monkeypatch) -> None:
    shop.store.take_out("u3")  # and then the process died
    engine = Engine(shop)
    assert set(how(engine.erasures.erase("u3")).values()) == {"at the next build"}
    engine.stop()


def test_a_model_that_cannot_be_rewritten_is_no_error(shop, engine, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(Pipeline, "save", fail)
    done = engine.erasures.erase("u3")
    assert done.removed["events"] == 8
    assert set(how(done).values()) == {"at the next build"}


def test_a_model_of_which_nothing_is_written_down_forgets_at_the_next_build(shop) -> None:
    folder = shop.current_model()
    card = json.loads((folder / "card.json").read_text())
    del card["log"]
    (folder / "card.json").write_text(json.dumps(card))
    engine = Engine(shop)
    assert set(how(engine.erasures.erase("u3")).values()) == {"at the next build"}
    engine.stop()


def test_what_takes_long_is_under_way_and_the_end_of_the_service_waits_for_it(shop, monkeypatch) -> None:
    monkeypatch.setattr(erasing, "WAIT_S", 0.0)
    engine, gate, save = Engine(shop), threading.Event(), Pipeline.save

    def slowly(self: Pipeline, folder: Path) -> None:
        assert gate.wait(20)
        save(self, folder)

    monkeypatch.setattr(Pipeline, "save", slowly)
    assert how(engine.erasures.erase("u3")) == dict.fromkeys(FORGETFUL, "under way") | dict.fromkeys(
        SLOW, "at the next build"
    )
    assert len(engine.erasures) == 1
    gate.set()
    engine.stop()
    assert len(engine.erasures) == 0
    assert_as_if_fitted_without(shop, FORGETFUL)


@pytest.mark.parametrize("repeats", [8, 3])
def test_what_cleaning_left_out_was_not_learned(tmp_path, repeats) -> None:
    with opened(tmp_path / "shop") as workspace:
        often = [StoredEvent("u3", "i1", "like", time_ms=1_600_000_000_000 + n) for n in range(repeats)]
        workspace.store.append([*often, StoredEvent("u3", "i3", "dislike"), StoredEvent("u3", "i5", "skip")])
        train(workspace)
        engine = Engine(workspace)
        assert how(engine.erasures.erase("u3"))["ease"] == "exact"
        assert_as_if_fitted_without(workspace, FORGETFUL)
        engine.stop()


def test_where_accounts_were_left_out_as_scripts_it_is_the_next_build(tmp_path) -> None:
    with opened(tmp_path / "shop") as workspace:
        copies = [
            StoredEvent(f"script-{n}", f"i{item}", "like", time_ms=1_600_000_000_000 + item)
            for n in range(6)
            for item in range(12)
        ]
        workspace.store.append(copies)
        train(workspace)
        engine = Engine(workspace)
        assert set(how(engine.erasures.erase("script-0")).values()) == {"at the next build"}
        engine.stop()


def test_models_that_keep_rows_of_people_say_so() -> None:
    """A weight as long as there are people is a row of each."""
    from tests.models.test_contract import crowd, fit

    data = crowd()
    people = {data.n_users, data.n_users + 1}
    for name in models.names():
        model = fit(name, data)
        rows = any(people & set(array.shape) for array in model.weights().values())
        assert getattr(model, "keeps_people", False) == rows, name


# Every byte


CANARY = "canary-4f0b"
BYTES = CANARY.encode()


def live(workspace: Workspace, client: Any) -> None:
    """The canary is everywhere: attributes, events, exposures, a friendship, and what the model learned."""
    client("PUT", f"/v1/users/{CANARY}", json={"attributes": {"note": f"I am {CANARY}", "age": 33}})
    for n in range(30):
        event = {"type": "like", "user_id": CANARY, "item_id": f"i{n}", "context": {"of": CANARY, "n": n}}
        assert client.post("/v1/events", event).json()["accepted"] == 1
    tables = shop_tables()
    friends = pl.DataFrame({"head": [CANARY, "u1"], "relation": ["friend", "friend"], "tail": ["u2", CANARY]})
    workspace.store.import_tables(replace(tables, relations=friends))
    train(workspace)
    client.app.state.engine.deployment.look()
    for _ in range(20):
        shown = client.post("/v1/recommendations", {"user_id": CANARY, "surface": f"home of {CANARY}"}).json()
        assert client.get(f"/v1/recommendations/{shown['request_id']}").json()["user_id"] == CANARY


def holders(folder: Path) -> list[str]:
    """The files that hold the canary, in their names or their bytes."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file.name for file in files if BYTES in file.read_bytes() or CANARY in str(file.relative_to(folder))]


def test_no_byte_of_the_workspace_holds_who_was_erased(tmp_path, ask_of: Callable[..., Any], caplog) -> None:
    with opened(tmp_path / "shop") as workspace:
        client = ask_of(workspace)
        with client.living():
            live(workspace, client)
            assert client.get(f"/v1/users/{CANARY}/export").json()["relations"]
            client.app.state.engine.exposures.flush()
            assert holders(workspace.path)
            receipt = client("DELETE", f"/v1/users/{CANARY}").json()
            assert receipt["removed"] == {"events": 30, "users": 1, "exposures": 20, "relations": 2}
            assert holders(workspace.path) == []
            held = client.get(f"/v1/users/{CANARY}/export").json()
            assert not any(held[table] for table in ("attributes", "events", "exposures", "relations"))
            assert client.get(f"/v1/users/{CANARY}/history").json()["data"] == []
            assert_as_if_fitted_without(workspace, FORGETFUL)
        assert holders(workspace.path) == []
    assert holders(tmp_path) == []
    assert CANARY not in caplog.text


def test_without_the_scrub_a_byte_is_found(tmp_path, ask_of: Callable[..., Any], monkeypatch) -> None:
    monkeypatch.setattr(sqlite.SqliteStore, "_scrub", lambda self: None)
    with opened(tmp_path / "shop") as workspace:
        client = ask_of(workspace)
        live(workspace, client)
        client("DELETE", f"/v1/users/{CANARY}")
        assert holders(workspace.path)


def test_a_backup_from_before_holds_them_still(tmp_path, ask_of: Callable[..., Any]) -> None:
    """As the documents say: copies are their owner's to expire."""
    from serendip.store.backup import backup, restore

    with opened(tmp_path / "shop") as workspace:
        client = ask_of(workspace)
        live(workspace, client)
        backup(workspace, tmp_path / "before.tar.gz")
        client("DELETE", f"/v1/users/{CANARY}")
        backup(workspace, tmp_path / "after.tar.gz")
    restore(tmp_path / "before.tar.gz", tmp_path / "old")
    restore(tmp_path / "after.tar.gz", tmp_path / "fresh")
    assert holders(tmp_path / "old")
    assert holders(tmp_path / "fresh") == []


# While they are active


def test_a_list_that_is_answered_during_the_erasure_leaves_no_exposure(shop, engine, monkeypatch) -> None:
    def shown(name: str) -> Exposure:
        return Exposure(name, "u3", 0, "home", "m", "several", ())

    take_out = shop.store.take_out

    def meanwhile(user_id: str) -> Any:
        erasure = take_out(user_id)
        engine.exposures.put(shown("late"))
        monkeypatch.setattr(shop.store, "take_out", take_out)
        return erasure

    engine.exposures.put(shown("early"))
    monkeypatch.setattr(shop.store, "take_out", meanwhile)
    assert engine.erasures.erase("u3").removed["exposures"] == 2
    engine.exposures.flush()
    assert shop.store.export("u3")["exposures"] == []


def test_events_that_arrive_meanwhile_are_erased_or_are_a_new_beginning(shop, engine) -> None:
    """None is half there: what is acknowledged after the receipt is kept, of what was before nothing is."""
    ended, sent = threading.Event(), []

    def send() -> None:
        while not ended.is_set():
            name = f"live-{len(sent)}"
            engine.append([StoredEvent("u3", "i1", "view", event_id=name)])
            sent.append(name)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for _ in range(3):
            acknowledged = list(sent)
            engine.erasures.erase("u3")
            kept = {event["event_id"] for event in shop.store.export("u3")["events"]}
            assert not kept & {*acknowledged, *(f"e{n}" for n in range(480))}
    finally:
        ended.set()
        thread.join()
    engine.erasures.erase("u3")
    assert shop.store.history("u3") == engine.histories("u3") == []
    assert_as_if_fitted_without(shop, FORGETFUL)


def test_erasures_side_by_side_are_each_exact(shop, engine) -> None:
    people = ["u0", "u1", "u2", "u3", "u4", "u5", "u0"]
    threads = [threading.Thread(target=engine.erasures.erase, args=(user_id,)) for user_id in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_as_if_fitted_without(shop, FORGETFUL)
