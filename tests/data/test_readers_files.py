"""Packed files: small ones that would unpack to more than the machine holds are refused before they do."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from serendip.data.readers import read
from serendip.data.readers.files import Limits, members, read_bytes
from serendip.errors import InputError

BOMB_BYTES = 24 << 20
UNLIMITED = Limits(total_bytes=1 << 40, ratio=float("inf"))


def zip_bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-100k/u.data", bytes(BOMB_BYTES))
    return path


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    bomb = zip_bomb(tmp_path / "bomb.zip")
    assert bomb.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"bomb\.zip unpacks to more than 200 times its size"):
        read("movielens", bomb)


def test_without_the_limits_a_zip_bomb_goes_off(tmp_path: Path) -> None:
    assert len(members(zip_bomb(tmp_path / "bomb.zip"), UNLIMITED)["u.data"]) == BOMB_BYTES


def test_a_gzip_bomb_is_refused_and_goes_off_without_the_limits(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(bytes(BOMB_BYTES)))
    with pytest.raises(InputError, match=r"bomb\.csv\.gz unpacks to more than 200 times its size"):
        read("csv", bomb)
    assert len(read_bytes(bomb, UNLIMITED)) == BOMB_BYTES


def test_a_gzip_bomb_within_a_zip_is_refused_and_goes_off_without_the_limits(tmp_path: Path) -> None:
    bomb = tmp_path / "nested.zip"
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("u.data.gz", gzip.compress(bytes(BOMB_BYTES)))
    with pytest.raises(InputError, match=r"u\.data\.gz unpacks to more than 200 times"):
        read("movielens", bomb)
    assert len(members(bomb, UNLIMITED)["u.data"]) == BOMB_BYTES


def test_the_whole_archive_counts_and_not_only_what_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.csv", bytes(1_000))
    with pytest.raises(InputError, match=r"large\.zip unpacks to more than"):
        members(tmp_path / "large.zip", Limits(total_bytes=2_999))
    assert len(members(tmp_path / "large.zip", Limits(total_bytes=3_000)).openers) == 3


def test_unpacking_stops_at_the_limit(tmp_path: Path) -> None:
    """Most of the bomb is never unpacked: the pieces are counted as they come."""
    counted: list[int] = []

    class Counting(Limits):
        def check(self, name: str, unpacked: int, packed: int) -> None:
            counted.append(unpacked)
            super().check(name, unpacked, packed)

    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(bytes(BOMB_BYTES)))
    with pytest.raises(InputError):
        read_bytes(bomb, Counting(total_bytes=2 << 20))
    assert (2 << 20) < max(counted) <= (3 << 20)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "secret.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("u.data", b"1\t2\t3\t4\n")
    data = bytearray(archive.read_bytes())
    data[6] |= 1  # the flag in the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"secret\.zip, u\.data is encrypted"):
        read("movielens", archive)


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "damaged.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("u.data", b"1\t2\t3\t4\n")
    archive.write_bytes(archive.read_bytes().replace(b"1\t2\t3\t4", b"1\t2\t9\t4"))
    with pytest.raises(InputError, match=r"u\.data is damaged"):
        read("movielens", archive)


def test_a_damaged_directory_is_refused(tmp_path: Path) -> None:
    archive = zip_bomb(tmp_path / "damaged.zip")
    archive.write_bytes(archive.read_bytes().replace(b"PK\x01\x02", b"PK\x09\x09"))
    with pytest.raises(InputError, match=r"damaged\.zip is a damaged zip file"):
        read("movielens", archive)


def test_paths_inside_an_archive_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    archive = tmp_path / "inner" / "sly.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("../u.data", b"sly")
        made.writestr("a/b/c/u.item", b"too deep")
    before = sorted(tmp_path.rglob("*"))
    found = members(archive)
    assert found["u.data"] == b"sly"
    assert "u.item" not in found
    assert sorted(tmp_path.rglob("*")) == before


def test_the_outermost_of_a_name_is_the_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as made:
        made.writestr("u.data", b"outer")
        made.writestr("old/u.data", b"inner")
    assert members(tmp_path / "two.zip")["u.data"] == b"outer"
