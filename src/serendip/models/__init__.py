"""Models: one file each, found by listing this folder and loaded by name."""

from __future__ import annotations

import inspect
import json
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from serendip.data.errors import DamagedArtifactError, InputError
from serendip.models.base import Attributes, Model, ModelConfig, Weights

__all__ = ["Attributes", "Model", "ModelConfig", "Weights", "load", "make", "names", "open_saved", "save"]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "weights.safetensors"


def names() -> list[str]:
    """The names of all models: the files of this folder, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base")


def load(name: str) -> type[Model]:
    """The class of the model called `name`.

    Raises:
        InputError: there is no such model; the message lists those there are.
    """
    if name not in names():
        raise InputError(f"there is no model {name!r}; there are {', '.join(names())}")
    module = import_module(f"{__name__}.{name}")
    classes = [
        thing
        for _, thing in inspect.getmembers(module, inspect.isclass)
        if thing.__module__ == module.__name__ and hasattr(thing, "score")
    ]
    (model_class,) = classes
    return cast("type[Model]", model_class)


def make(name: str, config: dict[str, object] | None = None) -> Model:
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
    """Write `config.json` and `weights.safetensors` into `folder`, which is made."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    name = type(model).__module__.rpartition(".")[2]
    table = {"model": name, "config": model.config.model_dump(mode="json")}
    (folder / CONFIG_FILE).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    save_file(model.weights(), folder / WEIGHTS_FILE)


def open_saved(folder: Path) -> Model:
    """The fitted model that `save` wrote.

    Raises:
        DamagedArtifactError: a file is missing or cannot be read; the message names it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        table = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        return make(table["model"], table["config"]).restore(load_file(folder / WEIGHTS_FILE))
    except FileNotFoundError as error:
        raise DamagedArtifactError(f"{error.filename} is missing") from None
    except (SafetensorError, ValueError, KeyError) as error:
        raise DamagedArtifactError(f"the model saved in {folder} cannot be read: {error}") from None
