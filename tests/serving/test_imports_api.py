"""Imports over HTTP: received, guessed, checked, imported as a whole; drafts that go, files that do no harm."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serendip.data import Tables
from serendip.data.sifting import main
from serendip.serving import drafts, gate
from serendip.serving.control.imports import Imports
from serendip.serving.drafts import Drafts
from serendip.store import StoreError, Workspace
from tests.serving.conftest import Client

Ask = Callable[[Workspace], Client]
WATCHED = drafts._watched
FILE_TYPE = {"content-type": "application/octet-stream"}
EVENTS = b"visitor,product,event,timestamp\n" + b"".join(
    f"p{n % 30},i{n % 7},like,{1_700_000_000 + n}\n".encode() for n in range(200)
)
BAD = EVENTS + b",i1,like,1700000000\np1,i2,like,soon\np1,=1+1,like,soon\n"
COLUMNS = {"user": "visitor", "item": "product", "type": "event", "time": "timestamp"}
CHOICE = {"kind": "events", "format": "csv", "columns": COLUMNS}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in this process, which is quicker, but for the tests that ask for `elsewhere`."""
    monkeypatch.setattr(drafts, "_watched", lambda folder: main(folder) or "")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, here: None) -> None:
    monkeypatch.setattr(drafts, "_watched", WATCHED)


def sent(client: Client, content: bytes, name: str = "log.csv") -> dict[str, Any]:
    answer = client("POST", f"/v1/imports?name={name}", content=content, headers=FILE_TYPE)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def checked(client: Client, content: bytes, choice: dict[str, Any] = CHOICE, name: str = "log.csv") -> dict[str, Any]:
    id_ = sent(client, content, name)["id"]
    answer = client.post(f"/v1/imports/{id_}:check", choice)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def state(client: Client, id_: str) -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"/v1/imports/{id_}").json()
    return told


def ended(client: Client, id_: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + 30
    while (told := state(client, id_))["draft"] and told["draft"]["stage"] == "importing":
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    return told


def imported(client: Client, content: bytes, choice: dict[str, Any] = CHOICE, name: str = "log.csv") -> dict[str, Any]:
    id_ = checked(client, content, choice, name)["id"]
    assert client.post(f"/v1/imports/{id_}:accept", {"anyway": True}).status_code == 202
    told: dict[str, Any] = ended(client, id_)["imported"]
    return told


def imports_of(client: Client) -> Imports:
    imports: Imports = client.app.state.imports
    return imports


# The way of a file


def test_a_file_is_received_guessed_checked_and_imported(empty: Workspace, ask_of: Ask) -> None:
    client = ask_of(empty)
    draft = sent(client, BAD)
    assert draft["stage"] == "received"
    assert draft["guess"]["kind"] == "events"
    assert draft["guess"]["columns"] == {
        "item": "product",
        "type": "event",
        "time": "timestamp",
    }  # `visitor` is no name
    assert draft["headers"] == ["visitor", "product", "event", "timestamp"]
    assert draft["bytes"] == len(BAD)
    report = client.post(f"/v1/imports/{draft['id']}:check", CHOICE).json()["report"]
    assert (report["rows"], report["kept"], report["refused"]) == (203, 200, 3)
    assert report["first_refused"][0]["row"] == 202
    levels = {one["name"]: one["level"] for one in report["findings"]}
    assert levels["rows"] == "WARN"
    assert levels["enough data"] == "WARN"
    assert empty.store.counts()["events"] == 0
    assert client.post(f"/v1/imports/{draft['id']}:accept", {}).json()["stage"] == "importing"
    told = ended(client, draft["id"])["imported"]
    assert (told["accepted"], told["duplicates"], told["refused"], told["conflicts"]) == (200, 0, 3, 0)
    assert empty.store.counts()["events"] == 200
    assert len(empty.store.history("p1")) == 7
    page = client.get("/v1/imports").json()
    assert page["data"] == [told]
    assert page["drafts"] == []


def test_the_same_file_again_adds_nothing(empty: Workspace, ask_of: Ask) -> None:
    client = ask_of(empty)
    first, again = imported(client, EVENTS), imported(client, EVENTS)
    assert (first["accepted"], first["duplicates"]) == (200, 0)
    assert (again["accepted"], again["duplicates"]) == (0, 200)
    assert first["sha256"] == again["sha256"]
    assert [one["id"] for one in client.get("/v1/imports").json()["data"]] == [again["id"], first["id"]]
    assert client.get("/v1/imports?cursor=eA").status_code == 422
    page = client.get("/v1/imports?limit=1").json()
    assert client.get(f"/v1/imports?limit=1&cursor={page['next_cursor']}").json()["data"] == [first]


def test_items_and_people_are_imported_and_on_offer_at_once(client: Client) -> None:
    items = b"sku,name,price\nnew1,Ginger,2.5\n"
    choice = {"kind": "items", "format": "csv", "columns": {"item_id": "sku", "title": "name", "price": "price"}}
    told = imported(client, items, choice, "goods.csv")
    assert (told["items"], told["accepted"]) == (1, 0)
    assert client.get("/v1/items/new1").json()["attributes"] == {"title": "Ginger", "price": 2.5}
    choice = {"kind": "users", "format": "jsonl", "columns": {"user_id": "id"}}
    imported(client, b'{"id": "ann", "tags": ["a", "b"]}\n', choice, "people.jsonl")
    assert client.get("/v1/users/ann").json()["attributes"] == {"tags": ["a", "b"]}


def test_a_kind_that_is_known_better_is_guessed_anew(empty: Workspace, ask_of: Ask) -> None:
    client = ask_of(empty)
    draft = sent(client, b"id;title\n1;Tea\n", "things.csv")
    assert draft["guess"]["kind"] == "items"
    told = client.post(f"/v1/imports/{draft['id']}:guess", {"kind": "users", "delimiter": ","}).json()
    assert (told["guess"]["kind"], told["headers"]) == ("users", ["id;title"])


def test_items_that_are_not_in_the_table_of_items_are_told(untrained: Workspace, ask_of: Ask) -> None:
    client = ask_of(untrained)
    found = {one["name"]: one for one in checked(client, EVENTS)["report"]["findings"]}
    assert found["unknown items"]["level"] == "PASS"
    assert "enough data" not in found  # there is enough already
    strange = EVENTS.replace(b",i3,", b",strange,")
    found = {one["name"]: one for one in checked(client, strange)["report"]["findings"]}
    assert (found["unknown items"]["level"], found["unknown items"]["examples"]) == ("WARN", ["strange"])


def test_a_check_that_fails_must_be_overruled(empty: Workspace, ask_of: Ask, is_problem: Any) -> None:
    client = ask_of(empty)
    draft = checked(client, EVENTS[:200])
    problem = is_problem(client.post(f"/v1/imports/{draft['id']}:accept", {}), 422, "invalid-request")
    assert problem["detail"].startswith("a check fails (enough data)")
    assert client.post(f"/v1/imports/{draft['id']}:accept", {"anyway": True}).status_code == 202
    assert ended(client, draft["id"])["imported"]["accepted"] == 8


def test_what_was_not_checked_or_holds_nothing_is_not_imported(empty: Workspace, ask_of: Ask, is_problem: Any) -> None:
    client = ask_of(empty)
    unchecked = sent(client, EVENTS)["id"]
    assert "must be checked" in is_problem(client.post(f"/v1/imports/{unchecked}:accept", {}), 422)["detail"]
    nothing = checked(client, EVENTS.splitlines()[0] + b"\n,,,\n,i1,like,1\n")["id"]
    assert "no row" in is_problem(client.post(f"/v1/imports/{nothing}:accept", {"anyway": True}), 422)["detail"]
    for path in (":check", ":accept", ":guess"):
        body = {":check": CHOICE, ":guess": {"kind": "items"}}.get(path, {})
        is_problem(client.post(f"/v1/imports/none{path}", body), 404, "not-found")


def test_a_choice_that_cannot_be_read_leaves_the_draft(empty: Workspace, ask_of: Ask, is_problem: Any) -> None:
    client = ask_of(empty)
    id_ = sent(client, EVENTS)["id"]
    problem = is_problem(client.post(f"/v1/imports/{id_}:check", {**CHOICE, "columns": {"user": "visitor"}}), 422)
    assert problem["detail"] == "choose the column that holds the item"
    assert client.post(f"/v1/imports/{id_}:check", CHOICE).status_code == 200


# All or nothing


def test_an_import_that_fails_leaves_nothing_and_can_be_tried_again(
    empty: Workspace, ask_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask_of(empty)
    id_ = checked(client, EVENTS)["id"]

    def fail(tables: Tables, progress: Any) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(empty.store, "import_tables", fail)
        client.post(f"/v1/imports/{id_}:accept", {})
        draft = ended(client, id_)["draft"]
    assert (draft["stage"], draft["why"]) == ("checked", "the disk is full")
    client.post(f"/v1/imports/{id_}:accept", {})
    assert ended(client, id_)["imported"]["accepted"] == 200


def test_a_service_that_ends_cuts_an_import_off(empty: Workspace, ask_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ask_of(empty)
    id_ = checked(client, EVENTS)["id"]
    imports_of(client)._ended.set()
    client.post(f"/v1/imports/{id_}:accept", {})
    imports_of(client).stop()
    assert state(client, id_)["draft"]["why"] == "the service ended"
    assert empty.store.counts()["events"] == 0


def test_an_import_whose_process_died_is_told_so(empty: Workspace, ask_of: Ask) -> None:
    client = ask_of(empty)
    id_ = checked(client, EVENTS)["id"]
    file = empty.imports_dir / id_ / drafts.DRAFT_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), "stage": "importing"}))
    draft = state(client, id_)["draft"]
    assert (draft["stage"], draft["why"]) == ("checked", "the process that imported it ended; nothing was imported")


def test_nobody_works_on_a_draft_that_somebody_works_on(empty: Workspace, ask_of: Ask, is_problem: Any) -> None:
    client = ask_of(empty)
    id_ = checked(client, EVENTS)["id"]
    lock = Drafts(empty.imports_dir).hold(id_)  # as another process would
    for path, body in ((":check", CHOICE), (":accept", {}), (":guess", {"kind": "items"})):
        problem = is_problem(client.post(f"/v1/imports/{id_}{path}", body), 422)
        assert problem["detail"] == "this file is being read or imported already"
    is_problem(client("DELETE", f"/v1/imports/{id_}"), 422)
    lock.release()
    assert client("DELETE", f"/v1/imports/{id_}").status_code == 204
    is_problem(client.get(f"/v1/imports/{id_}"), 404, "not-found")


# Refused rows


def test_refused_rows_are_fetched_as_csv_and_stay_after_the_import(
    empty: Workspace, ask_of: Ask, is_problem: Any
) -> None:
    client = ask_of(empty)
    told = imported(client, BAD)
    assert told["rejected"] is True
    answer = client.get(f"/v1/imports/{told['id']}/rejected")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert [row[:2] for row in rows[1:3]] == [["202", "the user id is missing"], rows[2][:2]]
    assert rows[3][3] == "'=1+1"
    assert client("DELETE", f"/v1/imports/{told['id']}").status_code == 204
    is_problem(client.get(f"/v1/imports/{told['id']}/rejected"), 404, "not-found")
    assert client.get("/v1/imports").json()["data"][0]["rejected"] is False


def test_an_import_without_refused_rows_leaves_no_file(empty: Workspace, ask_of: Ask) -> None:
    client = ask_of(empty)
    assert imported(client, EVENTS)["rejected"] is False
    assert list(empty.imports_dir.iterdir()) == []


def test_an_erasure_takes_drafts_and_the_refused_rows_of_a_person(empty: Workspace, ask_of: Ask) -> None:
    client = ask_of(empty)
    about_p1, about_p2 = imported(client, BAD), imported(client, EVENTS + b"p2,i2,like,soon\n")
    waiting = sent(client, EVENTS)
    client("DELETE", "/v1/users/p1")
    assert client.get(f"/v1/imports/{about_p1['id']}/rejected").status_code == 404
    assert client.get(f"/v1/imports/{about_p2['id']}/rejected").status_code == 200
    assert client.get(f"/v1/imports/{waiting['id']}").status_code == 404
    left = [file for file in empty.imports_dir.rglob("*") if file.is_file() and b"p1," in file.read_bytes()]
    assert left == []


def test_what_is_kept_of_an_import_names_nobody(empty: Workspace, ask_of: Ask) -> None:
    client = ask_of(empty)
    imported(client, EVENTS + b"p1,i1,like,1700000001\n" * 20)
    (kept,) = empty.store.import_page(9)
    assert any(one["level"] == "WARN" for one in kept.body["findings"])
    assert "p1" not in json.dumps(kept.body).replace(kept.body["sha256"], "")


# Bounds


def test_drafts_are_removed_by_number_age_and_size(
    empty: Workspace, ask_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask_of(empty)
    monkeypatch.setattr(drafts, "MOST_DRAFTS", 2)
    ids = [sent(client, EVENTS)["id"] for _ in range(3)]
    assert [one["id"] for one in client.get("/v1/imports").json()["drafts"]] == [ids[2], ids[1]]
    with monkeypatch.context() as patch:
        patch.setattr(drafts, "MOST_BYTES", len(EVENTS))
        imports_of(client).look()
    assert [one["id"] for one in client.get("/v1/imports").json()["drafts"]] == [ids[2]]
    (old := empty.imports_dir / "20200101T000000.000000Z-0000").mkdir()
    (old / "file").write_bytes(b"x")  # of an upload that died
    monkeypatch.setattr(drafts, "DRAFTS_KEPT_S", -1.0)
    imports_of(client).look()
    assert list(empty.imports_dir.iterdir()) == []


def test_what_somebody_works_on_is_not_removed(
    empty: Workspace, ask_of: Ask, is_problem: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask_of(empty)
    monkeypatch.setattr(drafts, "MOST_DRAFTS", 1)
    id_ = sent(client, EVENTS)["id"]
    lock = Drafts(empty.imports_dir).hold(id_)
    sent(client, EVENTS)
    monkeypatch.setattr(drafts, "DRAFTS_KEPT_S", -1.0)
    imports_of(client).look()
    assert [one["id"] for one in client.get("/v1/imports").json()["drafts"]] == [id_]
    lock.release()
    imports_of(client).look()
    is_problem(client.get(f"/v1/imports/{id_}"), 404, "not-found")


def test_refused_rows_go_after_a_month(empty: Workspace, ask_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ask_of(empty)
    imported(client, BAD)
    imports_of(client).look()
    assert client.get("/v1/imports").json()["data"][0]["rejected"] is True
    monkeypatch.setattr(drafts, "REFUSED_KEPT_S", -1.0)
    deadline_s = time.monotonic() + 10
    while client.get("/v1/imports").json()["data"][0]["rejected"] and time.monotonic() < deadline_s:
        imports_of(client).look()  # passes it over while its import still holds it
    assert client.get("/v1/imports").json()["data"][0]["rejected"] is False


def test_files_have_a_limit_of_their_own(
    empty: Workspace, ask_of: Ask, is_problem: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask_of(empty)
    long = b"id,title\n" + b"i1,%s\n" % (b"x" * 2_000_000)
    assert len(long) > gate.BODY_LIMIT
    assert sent(client, long)["bytes"] == len(long)
    monkeypatch.setitem(gate.LIMITS, gate.FILE_PATH, 1_000)

    def pieces() -> Any:
        async def drops() -> Any:
            for _ in range(100):
                yield b"x" * 100

        return drops()

    before = len(client.get("/v1/imports").json()["drafts"])
    for content in (EVENTS, pieces()):  # announced, and not
        answer = client("POST", "/v1/imports?name=x.csv", content=content, headers=FILE_TYPE)
        is_problem(answer, 413, "too-large")
    assert len(client.get("/v1/imports").json()["drafts"]) == before
    assert len(list(empty.imports_dir.iterdir())) == before


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.csv", "a/b.csv", "a%5Cb.csv", "a%00.csv", "x.exe", "x" * 201, "", "a%0A.csv"]
)
def test_a_name_is_no_path_and_has_an_ending(empty: Workspace, ask_of: Ask, is_problem: Any, name: str) -> None:
    client = ask_of(empty)
    is_problem(client("POST", f"/v1/imports?name={name}", content=EVENTS, headers=FILE_TYPE), 422, "invalid-request")
    assert not empty.imports_dir.exists() or not list(empty.imports_dir.iterdir())


@pytest.mark.parametrize("id_", ["..", "..%2F..", "%2Fetc", "20260101T000000.000000Z-00zz", "a" * 300])
def test_an_id_leads_nowhere_else(untrained: Workspace, ask_of: Ask, id_: str) -> None:
    client = ask_of(untrained)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/rejected")):
        assert client(method, f"/v1/imports/{id_}{path}").status_code in (404, 405, 422)
    assert untrained.store.counts()["events"] > 0
    assert (untrained.path / "settings.toml").exists()


def test_a_page_elsewhere_cannot_send_a_file_unasked(empty: Workspace, ask_of: Ask, is_problem: Any) -> None:
    client = ask_of(empty)
    for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded", ""):
        answer = client("POST", "/v1/imports?name=x.csv", content=EVENTS, headers={"content-type": kind})
        is_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01", b"PAR1"])
def test_what_cannot_be_read_is_refused_and_not_kept(
    empty: Workspace, ask_of: Ask, is_problem: Any, content: bytes
) -> None:
    client = ask_of(empty)
    name = "x.parquet" if content == b"PAR1" else "x.csv"
    is_problem(client("POST", f"/v1/imports?name={name}", content=content, headers=FILE_TYPE), 422)
    assert list(empty.imports_dir.iterdir()) == []


def test_a_folder_that_takes_nothing_is_said(
    empty: Workspace, ask_of: Ask, is_problem: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask_of(empty)

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", fail)
    answer = client("POST", "/v1/imports?name=x.csv", content=EVENTS, headers=FILE_TYPE)
    is_problem(answer, 507, "insufficient-storage")
    problem = is_problem(client.post("/v1/backups", {}), 422, "invalid-request")
    assert problem["detail"] == "nothing can be written to backups/: Permission denied"


@pytest.mark.usefixtures("elsewhere")
def test_a_file_is_read_in_a_process_of_its_own(empty: Workspace, ask_of: Ask) -> None:
    assert imported(ask_of(empty), EVENTS)["accepted"] == 200


HANG = "import time; time.sleep(60)"
EAT = "import time; held = bytearray(300_000_000); time.sleep(60)"


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(("program", "said"), [(HANG, "more than 0.5 seconds"), (EAT, "more than 100 MB of memory")])
def test_a_file_that_takes_too_much_takes_only_its_own_process(
    empty: Workspace, ask_of: Ask, is_problem: Any, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    client = ask_of(empty)
    monkeypatch.setattr(drafts, "_RUN", (sys.executable, "-c", program))
    monkeypatch.setattr(drafts, "SIFT_WITHIN_S", 0.5 if program is HANG else 60.0)
    monkeypatch.setattr(drafts, "MOST_MEMORY_MB", 100)
    problem = is_problem(client("POST", "/v1/imports?name=x.csv", content=EVENTS, headers=FILE_TYPE), 422)
    assert said in problem["detail"]
    assert client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("elsewhere")
def test_a_reader_that_dies_is_said(
    empty: Workspace, ask_of: Ask, is_problem: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask_of(empty)
    monkeypatch.setattr(drafts, "_RUN", (sys.executable, "-c", "import os; os.abort()"))
    problem = is_problem(client("POST", "/v1/imports?name=x.csv", content=EVENTS, headers=FILE_TYPE), 422)
    assert problem["detail"] == "x.csv could not be read"


# What there is


def test_the_schema_tells_what_a_sample_holds(untrained: Workspace, ask_of: Ask) -> None:
    untrained.store.put("items", [("odd", {"title": "<b>", "price": "dear", "tags": ["a", "b"], "new": True})])
    told = ask_of(untrained).get("/v1/schema").json()
    assert (told["items"]["total"], told["items"]["sampled"]) == (41, 41)
    found = {one["name"]: one for one in told["items"]["attributes"]}
    assert found["title"]["types"] == ["text"]
    assert found["title"]["filled"] == 41
    assert found["price"]["types"] == ["number", "text"]
    assert found["tags"] == {"name": "tags", "types": ["list"], "filled": 1, "different": 1, "examples": ["a, b"]}
    assert found["new"]["types"] == ["true or false"]
    assert {one["name"]: one["examples"] for one in told["users"]["attributes"]} == {"age": ["20"]}
    types = {one["type"]: one for one in told["events"]["types"]}
    assert (types["like"]["events"], types["like"]["weight"]) == (480, 1.0)
    assert (types["purchase"]["events"], types["purchase"]["latest"]) == (0, None)
    assert told["events"]["counted"] == 480


def test_the_schema_of_nothing(empty: Workspace, ask_of: Ask) -> None:
    told = ask_of(empty).get("/v1/schema").json()
    assert told["items"] == {"total": 0, "sampled": 0, "attributes": [], "more_names": 0}
    assert told["events"]["counted"] == 0
    assert told["events"]["types"]


def test_a_large_file_passes(empty: Workspace, ask_of: Ask) -> None:
    """A hundred thousand events, through the store."""
    client = ask_of(empty)
    rows = b"".join(f"p{n % 5000},i{n % 900},view,{1_700_000_000 + n}\n".encode() for n in range(100_000))
    told = imported(client, b"visitor,product,event,timestamp\n" + rows)
    assert told["accepted"] == 100_000
    assert os.listdir(empty.imports_dir) == []
    assert Path(empty.path / "serendip.db").exists()
