"""Choice: which recipe a round of training fits.

A recipe that somebody put in service, by name or from the page, is newer than the one that the settings name, until
those name another: the card of the model says which recipe the settings named then.
"""

from __future__ import annotations

import hashlib
from typing import Any

from serendip.data import InputError
from serendip.pipeline import Pipeline, Recipe

IN_CARD = "settings_recipe"


def chosen(settings_recipe: str) -> dict[str, Any]:
    """What the card of a model says whose recipe somebody chose while the settings name `settings_recipe`."""
    return {IN_CARD: _digest(settings_recipe)}


def due(settings_recipe: str, champion: Pipeline | None) -> tuple[Recipe, dict[str, Any]]:
    """The recipe that a round of training fits unless it is told another, and what the card says of that choice.

    Raises:
        InputError: the settings name no recipe that can be read.
    """
    mark = champion.card.get(IN_CARD) if champion else None
    if champion is not None and mark is not None and mark == _digest(settings_recipe):
        return champion.recipe, {IN_CARD: mark}
    return Recipe.find(settings_recipe), {}


def _digest(settings_recipe: str) -> str:
    """Of the recipe that the settings name; empty where it cannot be read."""
    try:
        return hashlib.sha256(Recipe.find(settings_recipe).to_toml().encode()).hexdigest()[:16]
    except InputError:
        return ""
