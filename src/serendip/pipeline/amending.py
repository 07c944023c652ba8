"""Amending: another recipe over what was fitted already, where nothing has to be learned for it.

Weights, candidates, filters, rules, variety and exploration are read anew with each request. What models learned, what
encoders said and how large catalogues are indexed are made by a fit, and a change of those needs one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from serendip import models
from serendip.data import InputError
from serendip.data.tensors import read_tensors
from serendip.pipeline.artifact import MEANING, SIGHT, Artifact, index_file, model_folder, sha256_of
from serendip.pipeline.recipe import RANKING, Ranking, Recipe, Source
from serendip.retrieval import Index, InvertedLists

CONFIG, SOURCES = "config", "sources"
CARD, RECIPE = "card.json", "recipe.toml"

Place = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One value that is another in the new recipe."""

    place: Place
    """Where it stands: `("sources", "ease", "weight")`; sources go by their names."""
    before: Any
    """None where there was nothing."""
    after: Any
    fit: str = ""
    """Why it needs a fit; empty where it needs none."""


def changes(old: Recipe, new: Recipe, n_items: int) -> list[Change]:
    """What is another in `new`, in the order of the recipe; the order of sources says nothing.

    Raises:
        InputError: a model of one of them is unknown or misconfigured.
    """
    before, after = dict(_values(old)), dict(_values(new))
    places = [*after, *(place for place in before if place not in after)]
    return [
        Change(place, before.get(place), after.get(place), _needs(place, old, new, before, after, n_items))
        for place in places
        if before.get(place) != after.get(place)
    ]


def refused(found: Sequence[Change]) -> str:
    """Why such changes cannot be made without a fit; empty where they can."""
    return "; ".join(dict.fromkeys(f"{'.'.join(one.place)}: {one.fit}" for one in found if one.fit))


def amended(saved: Artifact, recipe: Recipe) -> Artifact:
    """What was fitted, under another recipe.

    Raises:
        InputError: something of it needs a fit, or a model is misconfigured.
    """
    _check(saved.recipe, recipe, len(saved.catalogue))
    names = [one.name for one in recipe.learners]
    searched = _searched(recipe, len(saved.catalogue))
    return replace(
        saved,
        recipe=recipe,
        models={name: saved.models[name] for name in names},
        indexes={name: _at(index, recipe.retrieval.slack) for name, index in saved.indexes.items() if name in searched},
        card={**saved.card, "recipe": recipe.name},
        meaning=saved.meaning if recipe.text.encoder else None,
        sight=saved.sight if recipe.picture.encoder else None,
    )


def amend(folder: Path, draft: Path, recipe: Recipe, note: Mapping[str, Any]) -> None:
    """Write into `draft` what is saved in `folder`, under another recipe; fitted files are shared, not written anew.

    Args:
        note: what the card says besides.

    Raises:
        InputError: something of it needs a fit, or a model is misconfigured.
    """
    card, old = json.loads((folder / CARD).read_bytes()), Recipe.read(folder / RECIPE)
    n_items = card["data"]["items"]
    _check(old, recipe, n_items)
    known: dict[str, str] = card["files"]
    files: dict[str, str] = {}
    for here, there in _moves(known, old, recipe, n_items):
        _share(folder / there, draft / here)
        files[here] = known[there]
    if old.retrieval.slack != recipe.retrieval.slack:
        for name in [one for one in files if one.startswith("indexes/")]:
            _loosen(draft / name, recipe.retrieval.slack)
            files[name] = sha256_of(draft / name)
    (draft / RECIPE).write_text(recipe.to_toml() + "\n", encoding="utf-8")
    files[RECIPE] = sha256_of(draft / RECIPE)
    told = {**card, "recipe": recipe.name, **note, "files": dict(sorted(files.items()))}
    (draft / CARD).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _check(old: Recipe, new: Recipe, n_items: int) -> None:
    if why := refused(changes(old, new, n_items)):
        raise InputError(f"the recipe needs a fit: {why}")


# What is another


def _values(recipe: Recipe) -> Iterator[tuple[Place, Any]]:
    """Every value by its place; those of models with their defaults."""
    for name, value in recipe.model_dump(mode="json").items():
        if name == SOURCES:
            for source in recipe.sources:
                yield from _of_learner((SOURCES, source.name), source)
        elif name == RANKING:
            yield from _of_learner((RANKING,), recipe.ranking) if recipe.ranking else ()
        elif isinstance(value, dict):
            yield from (((name, key), inner) for key, inner in value.items())
        else:
            yield (name,), value


def _of_learner(place: Place, learner: Source | Ranking) -> Iterator[tuple[Place, Any]]:
    values = learner.model_dump(mode="json", exclude={"name", CONFIG})
    yield from (((*place, key), value) for key, value in values.items())
    config = models.make(learner.model, learner.config).config.model_dump(mode="json")
    yield from (((*place, CONFIG, key), value) for key, value in config.items())


def _needs(
    place: Place, old: Recipe, new: Recipe, before: Mapping[Place, Any], after: Mapping[Place, Any], n_items: int
) -> str:
    """Why a value that is another needs a fit; empty where it needs none."""
    if place == (RANKING, "teaches") and (before.get(place) or []) != (after.get(place) or []):
        return "what a ranking teaches is learned by a fit"
    if place[0] in (SOURCES, RANKING):
        return _learns(place, before, after)
    if place in (("text", "encoder"), ("picture", "encoder")):
        return "what an encoder says of the items is read by a fit" if after[place] else ""
    if place == ("text", "fields") and new.text.encoder:
        return "what an encoder says of other texts is read by a fit"
    if place[0] == "retrieval" and place[1] != "slack":
        was, will = (n_items >= one.retrieval.index_from for one in (old, new))
        if will and (not was or place[1] == "index"):
            return "an index is built by a fit"
    return ""


def _learns(place: Place, before: Mapping[Place, Any], after: Mapping[Place, Any]) -> str:
    learner = place[:2] if place[0] == SOURCES else place[:1]
    model = (*learner, "model")
    if after.get(model) is None or (place[len(learner)] not in ("model", CONFIG) and before.get(model) is not None):
        return ""
    return f"{after[model]} learns by a fit"


# Files


def _moves(known: Mapping[str, str], old: Recipe, new: Recipe, n_items: int) -> Iterator[tuple[str, str]]:
    """The files that stay, each as it is called now and as it was."""
    read = {MEANING: new.text.encoder, SIGHT: new.picture.encoder}
    left_out = {RECIPE, *(name for name, encoder in read.items() if not encoder)}
    yield from ((name, name) for name in known if "/" not in name and name not in left_out)
    places = {one.name: place for place, one in enumerate(old.learners)}
    searched, root = _searched(new, n_items), Path()
    for here, one in enumerate(new.learners):
        was, now = (model_folder(root, place, one.model).as_posix() + "/" for place in (places[one.name], here))
        yield from ((now + name.removeprefix(was), name) for name in known if name.startswith(was))
        index = index_file(root, places[one.name], one.model).as_posix()
        if index in known and one.name in searched:
            yield index_file(root, here, one.model).as_posix(), index


def _searched(recipe: Recipe, n_items: int) -> set[str]:
    """The sources that are searched by an index, where they have one."""
    large = n_items >= recipe.retrieval.index_from
    return {one.name for one in recipe.sources if one.chances is None and large}


def _at(index: Index, slack: float) -> Index:
    return replace(index, slack=slack) if isinstance(index, InvertedLists) else index


def _share(file: Path, copy: Path) -> None:
    """One file under two names: none of a saved recommender is ever written again."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, copy)
    except OSError:  # no such links here
        shutil.copy2(file, copy)


def _loosen(file: Path, slack: float) -> None:
    from safetensors.numpy import save_file

    arrays = read_tensors(file)
    file.unlink()  # the name here alone
    save_file({**arrays, **({"slack": np.array([slack])} if "slack" in arrays else {})}, file)
