"""A saved recommender: the same answers after loading, and no loading of what is not what was saved."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from serendip import retrieval
from serendip.data import DamagedArtifactError, Dataset, Query
from serendip.pipeline import Pipeline, Recipe


@pytest.fixture
def saved(pipeline: Pipeline, tmp_path: Path) -> Path:
    pipeline.save(tmp_path / "saved")
    return tmp_path / "saved"


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_it_answers_as_before(pipeline: Pipeline, saved: Path) -> None:
    loaded = Pipeline.load(saved)
    for query in (Query(history=("tea-1", "tea-2")), Query(), Query(text="coffee", n=20)):
        assert loaded.recommend(query).to_dict() == pipeline.recommend(query).to_dict()


def test_it_is_a_readable_folder(saved: Path) -> None:
    assert files_of(saved) == [
        "card.json",
        "catalogue.ndjson",
        "fame.safetensors",
        "models/0-ease/config.json",
        "models/0-ease/weights.safetensors",
        "models/1-als/config.json",
        "models/1-als/weights.safetensors",
        "models/2-popular/config.json",
        "models/2-popular/weights.safetensors",
        "recipe.toml",
        "sight.safetensors",
        "signals.json",
        "vocabulary.json",
    ]
    card = json.loads((saved / "card.json").read_text())
    assert card["data"]["users"] == 40
    assert set(card["files"]) == set(files_of(saved)) - {"card.json"}


def test_it_holds_no_ids_of_people(saved: Path) -> None:
    assert not any(b"p39" in path.read_bytes() for path in saved.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "name",
    [
        "recipe.toml",
        "vocabulary.json",
        "catalogue.ndjson",
        "signals.json",
        "models/0-ease/weights.safetensors",
        "models/1-als/config.json",
        "card.json",
    ],
)
@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_damage_is_refused_and_the_file_named(saved: Path, name: str, damage: str) -> None:
    path = saved / name
    content = path.read_bytes()
    path.unlink()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    if damage == "altered":
        path.write_bytes(content[:-9] + b"\xff" + content[-8:])
    with pytest.raises(DamagedArtifactError, match=name):
        Pipeline.load(saved)


def test_an_index_of_other_items_is_refused_and_the_file_named(shop: Dataset, tmp_path: Path) -> None:
    """Even where its own hash is recorded."""
    recipe = Recipe(name="one", sources=[{"model": "als"}], retrieval={"index_from": 1, "index": "int8"})
    Pipeline(recipe).fit(shop).save(tmp_path)
    path = tmp_path / "indexes/0-als.safetensors"
    vectors = np.ones((3, 64), np.float32)
    for arrays in (retrieval.build("int8", vectors).arrays(), {"gone": np.empty(0, np.int64)}):
        save_file(arrays, path)
        with pytest.raises(DamagedArtifactError, match=r"0-als\.safetensors is not the file that was saved"):
            Pipeline.load(tmp_path)
        card = json.loads((tmp_path / "card.json").read_text())
        card["files"]["indexes/0-als.safetensors"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (tmp_path / "card.json").write_text(json.dumps(card))
        with pytest.raises(DamagedArtifactError, match=r"0-als\.safetensors does not go with its model: the "):
            Pipeline.load(tmp_path)


def test_without_the_hash_an_altered_file_would_pass(pipeline: Pipeline, saved: Path) -> None:
    """The off-switch of the guard: with the altered file's own hash recorded, the alteration is served."""
    catalogue = saved / "catalogue.ndjson"
    catalogue.write_text(catalogue.read_text().replace("Tea Number 3", "Free Money 3"))
    with pytest.raises(DamagedArtifactError, match=r"catalogue\.ndjson"):
        Pipeline.load(saved)
    card = json.loads((saved / "card.json").read_text())
    card["files"]["catalogue.ndjson"] = hashlib.sha256(catalogue.read_bytes()).hexdigest()
    (saved / "card.json").write_text(json.dumps(card))
    assert Pipeline.load(saved).catalogue.title(3) == "Free Money 3"


def test_a_newer_format_is_refused(saved: Path) -> None:
    card = json.loads((saved / "card.json").read_text())
    (saved / "card.json").write_text(json.dumps({**card, "format": 99}))
    with pytest.raises(DamagedArtifactError, match="format 99"):
        Pipeline.load(saved)
