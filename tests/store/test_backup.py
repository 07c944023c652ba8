"""Backups: made while others write, read back whole, refused when they are not."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from serendip.cli import main
from serendip.data import InputError
from serendip.errors import DamagedArtifactError
from serendip.store import Store, StoredEvent, Workspace, backup, open_store
from serendip.store.backup import MANIFEST
from serendip.store.keys import make
from tests.store.test_store_contract import exposure, small_tables


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workspace with a bit of everything."""
    with Workspace.create(tmp_path / "shop") as workspace:
        workspace.store.import_tables(small_tables())
        folder = workspace.new_model_folder()
        (folder / "sources").mkdir()
        (folder / "sources" / "weights.bin").write_bytes(b"learned" * 1000)
        (folder / "empty").write_bytes(b"")
        workspace.publish(folder)
        (workspace.path / "pictures").mkdir()
        (workspace.path / "pictures" / "tea.png").write_bytes(b"picture")
    return tmp_path / "shop"


def archived(shop: Path, file: Path) -> Path:
    with Workspace.open(shop) as workspace:
        backup.backup(workspace, file)
    return file


def everything(store: Store) -> tuple[object, ...]:
    tables = store.tables()
    return (
        tables.events.rows(),
        tables.items.to_dicts(),
        tables.users.to_dicts(),
        tables.relations.rows(),
        store.counts(),
    )


def test_a_copy_holds_all_of_any_engine(store: Store, tmp_path: Path) -> None:
    store.import_tables(small_tables())
    store.append([StoredEvent("ann", "tea", "like", event_id="e1", context={"a": 1}, time_ms=7)])
    store.log_exposures([exposure()])
    key, _ = make("web", ["admin"])
    store.add_key(key)
    store.copy_to(tmp_path / "copy.db")
    copy = open_store(tmp_path / "copy.db")
    assert everything(copy) == everything(store)
    assert copy.exposure("r1") == exposure()
    assert copy.keys() == [key]
    assert copy.catalogue_version() == store.catalogue_version()
    again = StoredEvent("ann", "tea", "like", event_id="e1", context={"a": 1}, time_ms=7)
    assert copy.append([again]).duplicates == 1
    assert copy.append([dataclasses.replace(again, event_id="e2")]).accepted == 1
    copy.close()


def test_what_is_restored_is_what_was(shop: Path, tmp_path: Path) -> None:
    restored = tmp_path / "deep" / "again"
    backup.restore(archived(shop, tmp_path / "shop.tar.gz"), restored)
    with Workspace.open(shop) as old, Workspace.open(restored) as new:
        assert everything(new.store) == everything(old.store)
        assert new.current_model().name == old.current_model().name
        assert (new.current_model() / "sources" / "weights.bin").read_bytes() == b"learned" * 1000
        assert (new.current_model() / "empty").read_bytes() == b""
    assert (restored / "pictures" / "tea.png").read_bytes() == b"picture"
    assert (restored / "settings.toml").read_text() == (shop / "settings.toml").read_text()
    assert sorted(path.name for path in restored.parent.iterdir()) == ["again"]


def test_a_backup_is_of_one_moment_while_others_write(shop: Path, tmp_path: Path) -> None:
    """Each call appends two events together: a copy that holds one of them is of no moment."""
    done = threading.Event()

    def write() -> None:
        with Workspace.open(shop) as other:
            number = 0
            while not done.is_set():
                number += 1
                pair = [StoredEvent("pair", f"{side}{number}", "like", event_id=f"{side}{number}") for side in "ab"]
                other.store.append(pair)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            archived(shop, tmp_path / f"{number}.tar.gz")
    finally:
        done.set()
        writer.join()
    for number in range(5):
        backup.restore(tmp_path / f"{number}.tar.gz", tmp_path / f"again{number}")
        with Workspace.open(tmp_path / f"again{number}") as workspace:
            items = {event.item_id for event in workspace.store.history("pair", 100_000)}
            assert {item[1:] for item in items if item[0] == "a"} == {item[1:] for item in items if item[0] == "b"}


def test_nothing_is_replaced(shop: Path, tmp_path: Path) -> None:
    file = archived(shop, tmp_path / "shop.tar.gz")
    before = file.read_bytes()
    with Workspace.open(shop) as workspace, pytest.raises(InputError, match="is there already"):
        backup.backup(workspace, file)
    assert file.read_bytes() == before
    with pytest.raises(InputError, match="is there already"):
        backup.restore(file, shop)
    with Workspace.open(shop) as workspace, pytest.raises(InputError, match="no folder"):
        backup.backup(workspace, tmp_path / "nowhere" / "x.tar.gz")


def test_a_damaged_backup_is_refused_and_leaves_nothing(shop: Path, tmp_path: Path) -> None:
    whole = archived(shop, tmp_path / "shop.tar.gz").read_bytes()
    plain = gzip.decompress(whole)
    spoiled = [whole[: len(whole) // 2], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]]
    spoiled += [gzip.compress(plain.replace(b"learned", b"learnex", 1), 1), gzip.compress(plain[: len(plain) // 2], 1)]
    for content in spoiled:
        (tmp_path / "bad.tar.gz").write_bytes(content)
        with pytest.raises(DamagedArtifactError, match=r"bad\.tar\.gz"):
            backup.restore(tmp_path / "bad.tar.gz", tmp_path / "again")
        assert not [path for path in tmp_path.iterdir() if "again" in path.name]


def evil(path: Path, name: str, change: Callable[[tarfile.TarInfo], None] = lambda entry: None) -> None:
    """A backup that lists a file of that name."""
    content = b"owned"
    digest = hashlib.sha256(content).hexdigest()
    manifest = json.dumps({"files": {name: {"bytes": len(content), "sha256": digest}}}).encode()
    with tarfile.open(path, "w:gz") as archive:
        for entry_name, data in ((MANIFEST, manifest), (name, content)):
            entry = tarfile.TarInfo(entry_name)
            entry.size = len(data)
            if entry_name == name:
                change(entry)
            archive.addfile(entry, io.BytesIO(data) if entry.isreg() else None)


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped-serendip", "pictures/../../escaped", "..\\escaped"])
def test_no_file_leaves_the_folder(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    evil(tmp_path / "evil.tar.gz", name)
    with pytest.raises(DamagedArtifactError, match="leads out"):
        backup.restore(tmp_path / "evil.tar.gz", tmp_path / "again")
    assert not (tmp_path / "escaped").exists()
    if name == "../escaped":  # with the guard off it does
        monkeypatch.setattr(backup, "_inside", lambda folder, name: folder / name)
        with pytest.raises(DamagedArtifactError, match="db is missing"):
            backup.restore(tmp_path / "evil.tar.gz", tmp_path / "again")
        assert (tmp_path / "escaped").read_bytes() == b"owned"


def test_links_are_not_followed(shop: Path, tmp_path: Path) -> None:
    def link(entry: tarfile.TarInfo) -> None:
        entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0

    evil(tmp_path / "evil.tar.gz", "pictures/x", link)
    with pytest.raises(DamagedArtifactError, match="not as it was"):
        backup.restore(tmp_path / "evil.tar.gz", tmp_path / "again")
    (tmp_path / "secret").write_text("secret")
    (shop / "pictures" / "link.png").symlink_to(tmp_path / "secret")
    archived(shop, tmp_path / "shop.tar.gz")
    with tarfile.open(tmp_path / "shop.tar.gz") as archive:
        assert "pictures/link.png" not in archive.getnames()


def test_what_is_no_backup_is_said(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a backup")
    with pytest.raises(DamagedArtifactError):
        backup.restore(tmp_path / "text", tmp_path / "again")
    with pytest.raises(InputError, match="no file"):
        backup.restore(tmp_path / "nothing", tmp_path / "again")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "text", "text")
    with pytest.raises(InputError, match="no backup"):
        backup.restore(tmp_path / "other.tar.gz", tmp_path / "again")


def test_by_command(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", str(shop), str(tmp_path / "b.tar.gz")]) == 0
    assert "found whole" in capsys.readouterr().err
    assert main(["restore", str(tmp_path / "b.tar.gz"), str(tmp_path / "again")]) == 0
    assert main(["restore", str(tmp_path / "b.tar.gz"), str(tmp_path / "again")]) == 2
    assert "is there already" in capsys.readouterr().err
