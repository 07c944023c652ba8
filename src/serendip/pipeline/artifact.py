"""The saved recommender: a readable folder that refuses to be loaded when a file is not what it was.

recipe.toml           the recipe
signals.json          weights of event types
vocabulary.json       item ids in row order
catalogue.ndjson      attributes, one line per item
models/<source>/      config.json and weights.safetensors
indexes/<source>.safetensors   where the catalogue is large
fame.safetensors      how many people wanted each item
meaning.safetensors   what an encoder said of the items' texts, where words are searched by what they mean
sight.safetensors     what an encoder of pictures saw of those of items, where pictures are searched by
card.json             data window, sizes, times, versions, and the SHA-256 of every other file
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from serendip import models, retrieval
from serendip.data import DamagedArtifactError, InputError, Signals, Vocabulary
from serendip.data.arrays import IntArray
from serendip.data.tensors import read_tensors
from serendip.models import Embeds, Model
from serendip.pipeline.catalogue import Catalogue, Records
from serendip.pipeline.meaning import Meaning
from serendip.pipeline.recipe import Recipe
from serendip.pipeline.sight import Sight
from serendip.retrieval import Index

FORMAT = 1
MEANING = "meaning.safetensors"
SIGHT = "sight.safetensors"
FAME = "fame.safetensors"


@dataclass(frozen=True)
class Artifact:
    """All there is to save of a fitted pipeline."""

    recipe: Recipe
    signals: Signals
    catalogue: Catalogue
    models: Mapping[str, Model]  # by name, that of the ranking among them
    indexes: Mapping[str, Index]  # by source name
    card: Mapping[str, Any]
    meaning: Meaning | None = None
    sight: Sight | None = None
    wanted_by: IntArray = field(default_factory=lambda: np.empty(0, np.int32))
    """How many people wanted each item, (N,); empty where that was not counted."""

    def save(self, folder: Path) -> None:
        """Write everything into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "recipe.toml", self.recipe.to_toml())
        _write(folder / "signals.json", self.signals.model_dump_json(indent=2))
        _write(folder / "vocabulary.json", json.dumps(self.catalogue.vocabulary.ids(), ensure_ascii=False))
        lines = (json.dumps(record, ensure_ascii=False, default=str) for record in self.catalogue.records)
        _write(folder / "catalogue.ndjson", "\n".join(lines))
        for place, source in enumerate(self.recipe.learners):
            models.save(self.models[source.name], model_folder(folder, place, source.model))
            if source.name in self.indexes:
                _save_arrays(self.indexes[source.name].arrays(), index_file(folder, place, source.model))
        if self.meaning is not None:
            _save_arrays(self.meaning.arrays(), folder / MEANING)
        if self.sight is not None:
            _save_arrays(self.sight.arrays(), folder / SIGHT)
        if len(self.wanted_by):
            _save_arrays({"wanted_by": self.wanted_by}, folder / FAME)
        card = {"format": FORMAT, **self.card, "files": _hashes(folder)}
        _write(folder / "card.json", json.dumps(card, indent=2, ensure_ascii=False))

    @classmethod
    def load(cls, folder: Path) -> Artifact:
        """What `save` wrote, every file checked against its hash first.

        Raises:
            DamagedArtifactError: a file is missing, truncated or altered; the message names it.
        """
        card = _checked_card(folder)
        try:
            recipe = Recipe.read(folder / "recipe.toml")
            signals = Signals.model_validate_json((folder / "signals.json").read_bytes())
            vocabulary = Vocabulary(json.loads((folder / "vocabulary.json").read_bytes()))
            lines = (folder / "catalogue.ndjson").read_bytes().split(b"\n")
            catalogue = Catalogue(vocabulary, Records([line for line in lines if line]))
        except (ValueError, InputError) as error:
            raise DamagedArtifactError(f"the recommender saved in {folder} cannot be read: {error}") from None
        fitted = {
            source.name: models.open_saved(model_folder(folder, place, source.model), checked=True)
            for place, source in enumerate(recipe.learners)
        }
        indexes = {
            source.name: index
            for place, source in enumerate(recipe.sources)
            if (index := _open_index(index_file(folder, place, source.model), fitted[source.name])) is not None
        }
        meaning = _open_arrays(folder / MEANING)
        known = Meaning(recipe.text.encoder).restore(meaning) if meaning and recipe.text.encoder else None
        sight = _open_arrays(folder / SIGHT)
        seen = Sight(recipe.picture.encoder).restore(sight) if sight and recipe.picture.encoder else None
        wanted_by = (_open_arrays(folder / FAME) or {}).get("wanted_by", np.empty(0, np.int32))
        return cls(recipe, signals, catalogue, fitted, indexes, card, known, seen, wanted_by)


def _save_arrays(arrays: dict[str, Any], file: Path) -> None:
    from safetensors.numpy import save_file

    file.parent.mkdir(exist_ok=True)
    save_file(arrays, file)


def _open_arrays(file: Path) -> dict[str, Any] | None:
    return read_tensors(file) if file.is_file() else None


def _open_index(file: Path, model: object) -> Index | None:
    arrays = _open_arrays(file)
    if not arrays or not isinstance(model, Embeds):
        return None
    try:
        return retrieval.restore(arrays, model.item_vectors())
    except InputError as error:
        raise DamagedArtifactError(f"{file} does not go with its model: {error}") from None


def index_file(folder: Path, place: int, model: str) -> Path:
    return folder / "indexes" / f"{place}-{model}.safetensors"


def model_folder(folder: Path, place: int, model: str) -> Path:
    # Source names are free text, so folders are numbered and named after the model, which is a module name.
    return folder / "models" / f"{place}-{model}"


def _checked_card(folder: Path) -> dict[str, Any]:
    path = folder / "card.json"
    try:
        card = json.loads(path.read_bytes())
        recorded, written_as = dict(card.pop("files")), card.pop("format")
    except OSError:
        raise DamagedArtifactError(f"{path} is missing") from None
    except (ValueError, KeyError, TypeError):
        raise DamagedArtifactError(f"{path} is damaged") from None
    if written_as != FORMAT:
        raise DamagedArtifactError(f"{path} has format {written_as}; this version reads format {FORMAT}")
    found = _hashes(folder)
    for name, digest in recorded.items():
        if name not in found:
            raise DamagedArtifactError(f"{folder / name} is missing")
        if found[name] != digest:
            raise DamagedArtifactError(f"{folder / name} is not the file that was saved (its SHA-256 differs)")
    return dict(card)


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` except the card, by relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "card.json")
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def sha256_of(path: Path) -> str:
    """The digest that the card keeps of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")
