"""Recipes: the one in service, what another would change, and which of them a round of training fits.

A recipe that somebody put in service is newer than the one that the settings name, until those name another: the card
of the model says which recipe the settings named then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serendip.data import InputError
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.amending import Change, changes
from serendip.store import Workspace

IN_CARD = "settings_recipe"
MOST = {"candidates": 10_000, "depth": 1_000, "pool": 2_000}
"""The largest numbers that are taken from outside: a list would take too long, in service and in a dry run."""
FOLDER = re.compile(r"(^|:)[/~.]|\\|\.\.")


def chosen(workspace: Workspace) -> dict[str, Any]:
    """What the card of a model says whose recipe somebody chose now."""
    return {IN_CARD: _digest(workspace)}


def due(workspace: Workspace, champion: Pipeline | None) -> tuple[Recipe, dict[str, Any]]:
    """The recipe that a round of training fits unless it is told another, and what the card says of that choice.

    Raises:
        InputError: the settings name no recipe that can be read.
    """
    mark = champion.card.get(IN_CARD) if champion else None
    if champion is not None and mark is not None and mark == _digest(workspace):
        return champion.recipe, {IN_CARD: mark}
    return Recipe.find(workspace.settings.recipe), {}


def difference(current: Pipeline, recipe: Recipe) -> list[Change]:
    """What `recipe` changes.

    Raises:
        InputError: it makes no sense, or asks for more than is taken from outside.
    """
    current.catalogue.matching(recipe.filters.rules)
    found = changes(current.recipe, recipe, len(current.learned))
    for one in found:
        most = MOST.get(one.place[-1])
        if most is not None and isinstance(one.after, int) and one.after > most:
            raise InputError(f"{'.'.join(one.place)}: {one.after:,} is more than {most:,}")
    return found


def check_folders(recipe: Recipe, known: Recipe) -> None:
    """See that a recipe from outside names no folder of this machine but those of the recipe that is `known`.

    Else whoever may train could find out what lies where on the machine. Whoever owns it names folders in a file.

    Raises:
        InputError: it does.
    """
    allowed = set(_named(known))
    for name in _named(recipe):
        if FOLDER.search(name) and name not in allowed:
            raise InputError(f"{name!r} is a folder of this machine: name it in a recipe file there, not from outside")


def _named(recipe: Recipe) -> Iterator[str]:
    """What may name an encoder."""
    yield from (one for one in (recipe.text.encoder, recipe.picture.encoder) if one)
    for learner in recipe.learners:
        yield from (value for value in learner.config.values() if isinstance(value, str))


def put_in_service(
    workspace: Workspace, model: Path, recipe: Recipe, by: str | None, aside: bool = False
) -> str | None:
    """Put `recipe` over what was fitted for the current model; the new version, None where another is current by now.

    `aside` leaves the current model where it is: the version is for an experiment.

    Raises:
        InputError: something of it needs a fit.
    """
    return workspace.amend_model(model, recipe, {} if aside else chosen(workspace), by, aside)


def _digest(workspace: Workspace) -> str:
    """Of the recipe that the settings name; empty where it cannot be read."""
    try:
        return hashlib.sha256(Recipe.find(workspace.settings.recipe).to_toml().encode()).hexdigest()[:16]
    except InputError:
        return ""
