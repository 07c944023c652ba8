"""Recipes: the one in service, and what another would change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from serendip.data import InputError
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.amending import Change, changes
from serendip.store import Workspace
from serendip.store.choice import chosen

MOST = {"candidates": 10_000, "depth": 1_000, "pool": 2_000}
"""The largest numbers that are taken from outside: a list would take too long, in service and in a dry run."""
FOLDER = re.compile(r"(^|:)[/~.]|\\|\.\.")


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
    return workspace.amend_model(model, recipe, {} if aside else chosen(workspace.settings.recipe), by, aside)
