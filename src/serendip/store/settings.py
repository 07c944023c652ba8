"""Settings of a workspace: declared once as fields, written with their comments, read back strictly."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serendip.data import InputError, Signals
from serendip.data.cleaning import CleaningRules
from serendip.store.files import write_whole
from serendip.store.postgres import SCHEMES
from serendip.store.service import ServiceSettings
from serendip.store.training import TrainingSettings

WIDTH = 110
HEADER = "# Settings of this workspace, written with the defaults. A key that is left out has its default.\n"


class Settings(BaseModel):
    """What a workspace is told once and every command follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = Field("default", min_length=1)
    """The recipe that is fitted where none is named: a name, or the path of a TOML file."""

    store: str = Field("", pattern=rf"^$|^({'|'.join(SCHEMES)})")
    """Where events, items and people are kept: empty for the file serendip.db in this folder, or the address of a
    PostgreSQL database, such as postgresql://serendip@db.example/shop (the password may be left to PGPASSWORD). The
    environment variable SERENDIP_STORE goes before it."""

    events: Signals = Signals()
    """What events say."""

    cleaning: CleaningRules = CleaningRules()
    """What is left out before learning; the store keeps everything."""

    service: ServiceSettings = ServiceSettings()
    """What one client of the service may do, and for how long anybody is waited for."""

    training: TrainingSettings = TrainingSettings()
    """When a service trains anew beside its work, and what a new model must show before it answers."""

    @classmethod
    def read(cls, path: Path) -> Settings:
        """The settings in a TOML file.

        Raises:
            InputError: the file is not TOML, or a key or a value in it is wrong; the message names file and key.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is not TOML: {error}") from None
        except ValidationError as error:
            raise InputError(f"{path}: {_first_fault(error)}") from None

    def write(self, path: Path) -> None:
        """Write all settings with a comment above each."""
        write_whole(path, self.to_toml())

    def to_toml(self) -> str:
        """All settings as TOML, each under its description."""
        return "\n".join([HEADER, *_lines(self, ())]).rstrip() + "\n"


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"there is no setting {key!r}"
    if key == "store":  # it may hold a password
        return "the setting 'store' is neither empty nor the address of a PostgreSQL database (postgresql://...)"
    return f"the setting {key!r} is {fault['input']!r}: {fault['msg']}"


def _lines(model: BaseModel, place: tuple[str, ...]) -> Iterator[str]:
    """The fields of `model`, which stands at `place`: values first, for TOML's sake, then tables."""
    documents = field_documents(type(model))
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    tables = {name: value for name, value in fields.items() if isinstance(value, BaseModel | dict)}
    for name in (name for name in fields if name not in tables):
        yield from _comment(documents.get(name, ""))
        yield f"{_key(name)} = {_value(fields[name])}" if fields[name] is not None else f"# {_key(name)} ="
        yield ""
    for name, value in tables.items():
        yield from _comment(documents.get(name, ""))
        yield f"[{'.'.join(map(_key, (*place, name)))}]"
        if isinstance(value, BaseModel):
            yield from _lines(value, (*place, name))
        else:
            yield from (f"{_key(key)} = {_value(inner)}" for key, inner in value.items())
            yield ""


def field_documents(model: type[BaseModel]) -> dict[str, str]:
    """The text beneath each field of a model in its source, or its `description`."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    described = {name: field.description for name, field in model.model_fields.items() if field.description}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                described[name] = inspect.cleandoc(text)
    return described


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), WIDTH):
        yield f"# {line}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _value(value: Any) -> str:
    """A TOML value; JSON writes texts, numbers and booleans the same way."""
    if isinstance(value, list | tuple | set | frozenset):
        parts = sorted(value) if isinstance(value, set | frozenset) else value
        return "[" + ", ".join(map(_value, parts)) + "]"
    return json.dumps(value, allow_nan=False)
