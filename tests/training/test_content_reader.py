"""What items are, read from tables and pictures together; a bad picture harms nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, Tables, event_frame
from serendip.errors import InputError
from serendip.training import FitOptions, picture_encoder
from serendip.training.content_reader import ContentReader

Image = pytest.importorskip("PIL.Image")
N_ITEMS = 24


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Dataset, Path]:
    """Red things and blue things, each liked by half of the people; one picture is damaged and one is missing."""
    monkeypatch.setattr(picture_encoder, "EPOCHS", 4)
    for item in range(N_ITEMS):
        colour = (220, 30, 30) if item % 2 else (30, 30, 220)
        Image.new("RGB", (60, 50), colour).save(tmp_path / f"{item}.png")
    (tmp_path / "3.png").write_bytes(b"no picture")
    items = pl.DataFrame(
        {
            "item_id": [f"i{item:02}" for item in range(N_ITEMS)],
            "title": [f"thing {item}" for item in range(N_ITEMS)],
            "colour": [("blue", "red")[item % 2] for item in range(N_ITEMS)],
            "image": [None if item == 4 else f"{item}.png" for item in range(N_ITEMS)],
        }
    )
    pairs = [(f"p{person}", f"i{item:02}") for person in range(10) for item in range(N_ITEMS) if item % 2 == person % 2]
    users, ids = zip(*pairs, strict=True)
    events = event_frame({"user_id": users, "item_id": ids, "type": ["like"] * len(pairs)})
    return Dataset.from_tables(Tables(events, items)), tmp_path


@pytest.mark.parametrize("kind", ["picture:cnn", "picture:vit"])
def test_pictures_are_one_kind_of_content_beside_the_others(shop: tuple[Dataset, Path], kind: str) -> None:
    data, folder = shop
    told: list[str] = []
    options = FitOptions(threads=1, pictures=folder, progress=lambda label, done, total: told.append(label))
    reader = ContentReader(f"attributes+{kind}", 8, options)
    found = reader.fit_encode(data, options)
    assert list(found) == ["attributes", kind]
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(N_ITEMS)])
    there = found[kind][rows].any(axis=1)
    assert np.flatnonzero(~there).tolist() == [3, 4]
    assert found["attributes"].any(axis=1).all()
    assert any("is no picture that can be opened" in label for label in told)
    near = found[kind][rows] @ found[kind][rows].T
    assert near[0, 2] > near[0, 1]
    # Restored, and for things that came later.
    again = ContentReader(f"attributes+{kind}", 8, options).restore(reader.arrays())
    Image.new("RGB", (40, 40), (215, 35, 32)).save(folder / "new.png")
    new = pl.DataFrame({"item_id": ["new", "bare"], "colour": ["red", "red"], "image": ["new.png", None]})
    for one in (reader, again):
        later = one.encode(new)
        assert later[kind][0] @ found[kind][rows[1]] > later[kind][0] @ found[kind][rows[0]]
        assert not later[kind][1].any()
        assert later["attributes"][1].any()


def test_without_a_single_picture_there_is_no_such_kind(shop: tuple[Dataset, Path], tmp_path: Path) -> None:
    data, _ = shop
    options = FitOptions(threads=1, pictures=tmp_path / "nowhere")
    reader = ContentReader("attributes+picture:cnn", 8, options)
    assert list(reader.fit_encode(data, options)) == ["attributes"]
    restored = ContentReader("attributes+picture:cnn", 8, options).restore(reader.arrays())
    assert list(restored.encode(data.items.attributes[:2])) == ["attributes"]


def test_pictures_are_read_by_what_there_is() -> None:
    with pytest.raises(InputError, match="no encoder of pictures 'eyes'; there are looks, cnn, vit, local folders"):
        ContentReader("picture:eyes", 8)
