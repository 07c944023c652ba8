from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from serendip.data.readers import ReadResult, read
from serendip.errors import InputError


def sequences(folder: Path, text: str, **options: object) -> ReadResult:
    file = folder / "log.txt"
    file.write_text(text, encoding="utf-8")
    return read("sequences", file, **options)


def pairs(result: ReadResult) -> list[tuple[str, str]]:
    return result.tables.events.select("user_id", "item_id").rows()


@pytest.mark.parametrize("separator", [" ", "\t", ",", ", ", "  "])
def test_one_user_per_line_and_items_in_order(tmp_path: Path, separator: str) -> None:
    text = separator.join(["ann", "tea", "jam", "tea"]) + "\n\n" + separator.join(["bo", "茶"]) + "\n"
    result = sequences(tmp_path, text)
    assert pairs(result) == [("ann", "tea"), ("ann", "jam"), ("ann", "tea"), ("bo", "茶")]
    assert result.tables.events["time_ms"].is_null().all()
    assert result.tables.events["type"].unique().to_list() == ["view"]


def test_without_users_the_line_is_the_user(tmp_path: Path) -> None:
    result = sequences(tmp_path, "tea jam\n\ntea\n", no_user=True, event_type="listen")
    assert pairs(result) == [("1", "tea"), ("1", "jam"), ("3", "tea")]
    assert result.tables.events["type"].unique().to_list() == ["listen"]


def test_pairs_of_user_and_item_are_noticed(tmp_path: Path) -> None:
    result = sequences(tmp_path, "1 1\n1 2\n2 1\n")
    assert pairs(result) == [("1", "1"), ("1", "2"), ("2", "1")]
    assert "read as pairs" in result.notes[0]


def test_two_tokens_with_users_that_come_once_are_short_sequences(tmp_path: Path) -> None:
    result = sequences(tmp_path, "ann tea\nbo jam\n")
    assert pairs(result) == [("ann", "tea"), ("bo", "jam")]
    assert "pairs" not in " ".join(result.notes)


def test_users_without_items_are_said(tmp_path: Path) -> None:
    result = sequences(tmp_path, "ann tea jam\nbo\n")
    assert pairs(result) == [("ann", "tea"), ("ann", "jam")]
    assert "1 user has no items" in result.notes[0]


@pytest.mark.parametrize(("text", "said"), [(" \n", "log.txt is empty"), ("ann\nbo\n", "nobody has any items")])
def test_what_holds_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        sequences(tmp_path, text)


def test_bytes_and_folders_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_bytes(b"ann tea\nbo \xff\n")
    with pytest.raises(InputError, match="row 2: the byte 0xff"):
        read("sequences", tmp_path / "log.txt")
    with pytest.raises(InputError, match="is not a file"):
        read("sequences", tmp_path)


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"ann tea jam\n" * 100)
    for damaged in (whole[:-9], b"no gzip", whole[:12] + b"\xff\xff\xff" + whole[15:]):
        (tmp_path / "log.txt.gz").write_bytes(damaged)
        with pytest.raises(InputError, match="damaged or incomplete gzip"):
            read("sequences", tmp_path / "log.txt.gz")


@pytest.mark.data
def test_real_sequences(data_root: Path) -> None:
    beauty = read("sequences", data_root / "amazon-beauty" / "sequences.txt.gz").tables.events
    assert (beauty.height, beauty["user_id"].n_unique(), beauty["item_id"].n_unique()) == (198_502, 22_363, 12_101)
    sasrec = read("sequences", data_root / "ml-1m" / "ml-1m_sasrec.txt.gz")
    assert "read as pairs" in sasrec.notes[0]
    assert (sasrec.tables.events.height, sasrec.tables.events["item_id"].n_unique()) == (999_611, 3_416)
