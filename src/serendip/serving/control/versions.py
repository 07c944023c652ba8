"""Versions: the models on the shelf as their cards tell of them, without loading any."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from serendip.data import InputError
from serendip.models import WEIGHTS_FILE
from serendip.pipeline import Recipe
from serendip.pipeline.amending import changes
from serendip.pipeline.artifact import model_folder
from serendip.serving.storage import measured
from serendip.store import Workspace, exams
from serendip.store.promotions import Promotion

MB = 1e6


def every(workspace: Workspace) -> list[dict[str, Any]]:
    """All that are there, oldest first."""
    return [brief(workspace, version) for version in workspace.versions()]


def brief(workspace: Workspace, version: str) -> dict[str, Any]:
    """What a table of models says of one."""
    folder, current = workspace.models_dir / version, workspace.current_model()
    card = _card(folder)
    return {
        "version": version,
        "current": current is not None and version == current.name,
        "recipe": card.get("recipe"),
        "fitted_at": card.get("fitted_at"),
        "size_mb": round(measured(folder).bytes / MB, 3),
    }


def whole(workspace: Workspace, version: str) -> dict[str, Any]:
    """All that is known of one.

    Raises:
        InputError: there is no such model.
    """
    if version not in workspace.versions():
        raise InputError(f"there is no model {version!r}")
    folder = workspace.models_dir / version
    card, recipe = _card(folder), _recipe(folder)
    return {
        **brief(workspace, version),
        "toml": recipe.to_toml() if recipe else "",
        "data": card.get("data"),
        "fit_seconds": card.get("fit_seconds", {}),
        "peak_mb": card.get("peak_mb"),
        "versions": card.get("versions", {}),
        "parameters": _parameters(folder, recipe) if recipe else {},
        "curves": card.get("curves", []),
        "verdict": card.get("verdict"),
        "exam": exams.read(workspace.path).get(version),
        "events_to": (card.get("log") or {}).get("events_to"),
    }


def history(workspace: Workspace) -> list[dict[str, Any]]:
    """Which models were put in service, the latest first, each with whether it is there to go back to."""
    there, known = set(workspace.versions()), workspace.promotions()
    older = [None, *known]
    told = [
        {**one.to_json(), "there": one.version in there, "changes": _changes(before, one)}
        for before, one in zip(older, known, strict=False)
    ]
    return told[::-1]


def _changes(before: Promotion | None, after: Promotion) -> list[dict[str, Any]]:
    """What became another in the recipe; nothing where one of the two cannot be read any more."""
    if before is None or before.recipe == after.recipe:
        return []
    try:
        old, new = (Recipe.parse(one.recipe, "the history") for one in (before, after))
        found = changes(old, new, n_items=0)
    except InputError:
        return []
    return [{"place": list(one.place), "before": one.before, "after": one.after} for one in found]


def _card(folder: Path) -> dict[str, Any]:
    """Empty where it cannot be read: the service says elsewhere that a model is damaged."""
    try:
        card: dict[str, Any] = json.loads((folder / "card.json").read_bytes())
        return card
    except (OSError, ValueError):
        return {}


def _recipe(folder: Path) -> Recipe | None:
    try:
        return Recipe.read(folder / "recipe.toml")
    except InputError:
        return None


def _parameters(folder: Path, recipe: Recipe) -> dict[str, int]:
    """How many numbers each source has learned, from the heads of the files alone."""
    found = {}
    for place, one in enumerate(recipe.learners):
        file = model_folder(folder, place, one.model) / WEIGHTS_FILE
        try:
            with safe_open(file, "np") as opened:
                found[one.name] = sum(prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
        except (OSError, SafetensorError):
            continue
    return found
