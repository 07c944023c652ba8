"""Models: one file each, found by listing this folder and loaded by name."""

from __future__ import annotations

import inspect
import json
import pkgutil
from hashlib import file_digest
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
from pydantic import ValidationError

from serendip.data.tensors import read_tensors
from serendip.errors import DamagedArtifactError, InputError
from serendip.models.base import (
    AddsItems,
    Attributes,
    Embeds,
    Forgets,
    Imitates,
    Learns,
    Maps,
    Model,
    ModelConfig,
    NotSearched,
    Rates,
    Search,
    Weights,
)

__all__ = [
    "AddsItems",
    "Attributes",
    "Embeds",
    "Forgets",
    "Imitates",
    "Learns",
    "Maps",
    "Model",
    "ModelConfig",
    "NotSearched",
    "Rates",
    "Search",
    "Weights",
    "load",
    "make",
    "names",
    "open_saved",
    "save",
]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "weights.safetensors"


def names() -> list[str]:
    """The names of all models: the files of this folder, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base")


def load(name: str) -> type[Model]:
    """The class of the model called `name`.

    Raises:
        InputError: there is no such model (the message lists those there are), or a package it needs is missing.
        TypeError: its file does not hold exactly one class with a `score`.
    """
    if name not in names():
        raise InputError(f"there is no model {name!r}; there are {', '.join(names())}")
    module = _import(name)
    classes = [
        thing
        for _, thing in inspect.getmembers(module, inspect.isclass)
        if thing.__module__ == module.__name__ and hasattr(thing, "score")
    ]
    if len(classes) != 1:
        raise TypeError(f"models/{name}.py holds {len(classes)} classes with a `score` instead of one")
    return cast("type[Model]", classes[0])


def _import(name: str) -> ModuleType:
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("serendip"):
            raise
        raise InputError(f"model {name} needs the package {error.name}, which is not installed") from None


def make(name: str, config: dict[str, Any] | None = None) -> Model:
    """An unfitted model from its name and a table of hyper-parameters.

    Raises:
        InputError: the model is unknown, or the table names an unknown hyper-parameter or an impossible value.
    """
    model_class = load(name)
    try:
        return model_class(model_class.Config(**(config or {})))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = ", ".join(model_class.Config.model_fields) or "none"
        raise InputError(f"model {name}: {where}: {first['msg']}; its hyper-parameters are {known}") from None


def save(model: Model, folder: Path) -> None:
    """Write `weights.safetensors` and then `config.json`, which vouches for it, into `folder`, which is made."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    # By rows: of an array that lies by columns safetensors writes the numbers in the wrong order.
    save_file({name: np.asarray(array, order="C") for name, array in model.weights().items()}, folder / WEIGHTS_FILE)
    table = {
        "model": type(model).__module__.rpartition(".")[2],
        "config": model.config.model_dump(mode="json"),
        "weights_sha256": _sha256(folder / WEIGHTS_FILE),
    }
    (folder / CONFIG_FILE).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def open_saved(folder: Path, checked: bool = False) -> Model:
    """The fitted model that `save` wrote; `checked`: the caller has seen that its files are those that were saved.

    Raises:
        DamagedArtifactError: a file is missing, truncated or altered; the message names it.
    """
    config_file, weights_file = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    for file in (config_file, weights_file):
        if not file.is_file():
            raise DamagedArtifactError(f"{file} is missing")
    try:
        table = json.loads(config_file.read_text(encoding="utf-8"))
        model, expected = make(table["model"], table["config"]), table["weights_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedArtifactError(f"{config_file} cannot be read: {error}") from None
    if not checked and _sha256(weights_file) != expected:
        raise DamagedArtifactError(f"{weights_file} is not the file that was saved: it is truncated or altered")
    return model.restore(read_tensors(weights_file))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
