"""Workspace: a folder with everything there is: store, models, vectors, pictures, settings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from serendip.data import Dataset, InputError, Progress, silent
from serendip.data.cleaning import CleaningReport, clean
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.amending import amend
from serendip.store import promotions, provenance
from serendip.store.contract import Store
from serendip.store.postgres import is_postgres, open_postgres
from serendip.store.promotions import Deed, Promotion
from serendip.store.provenance import Reading
from serendip.store.settings import Settings
from serendip.store.shelf import ModelShelf
from serendip.store.sqlite import open_sqlite

STORE_FILE = "serendip.db"
STORE_VARIABLE = "SERENDIP_STORE"
SETTINGS_FILE = "settings.toml"


def open_store(where: Path | str) -> Store:
    """The store in a file, which is made if it is not there, or at the address of a PostgreSQL database.

    Raises:
        InputError: it is not a store, cannot be reached, is damaged, or was written by a newer Serendip.
    """
    if isinstance(where, str) and is_postgres(where):
        return open_postgres(where)
    return open_sqlite(Path(where))


class Workspace:
    """What every command and the service open; a context that closes itself."""

    def __init__(self, path: Path, settings: Settings, store: Store) -> None:
        self.path = path
        self.settings = settings
        self.store = store
        self._shelf = ModelShelf(self.models_dir)

    @classmethod
    def create(cls, path: str | PathLike[str]) -> Self:
        """Make what is missing, open what is there.

        Raises:
            InputError: the path cannot be a folder, or what is in it cannot be read.
        """
        path = Path(path)
        try:
            for folder in (path, path / "models", path / "vectors"):
                folder.mkdir(parents=True, exist_ok=True)
            if not (path / SETTINGS_FILE).exists():
                Settings().write(path / SETTINGS_FILE)
        except OSError as error:
            raise InputError(f"{path} cannot be made a workspace: {error.strerror}") from None
        return cls._opened(path)

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Self:
        """Open what is there.

        Raises:
            InputError: there is no workspace at `path`, or what is in it cannot be read.
        """
        path = Path(path)
        if not (path / STORE_FILE).is_file() and not _elsewhere(_settings(path)):
            made = "make one with `serendip import` or `serendip demo`"
            raise InputError(f"{path} is not a workspace: it has no {STORE_FILE} ({made})")
        (path / "models").mkdir(exist_ok=True)
        return cls._opened(path)

    @classmethod
    def _opened(cls, path: Path) -> Self:
        settings = _settings(path)
        return cls(path, settings, open_store(_elsewhere(settings) or path / STORE_FILE))

    @property
    def models_dir(self) -> Path:
        """Fitted models, one folder each, and the pointer to the current one."""
        return self.path / "models"

    @property
    def vectors_dir(self) -> Path:
        """Vectors of texts and pictures, which can be computed again."""
        return self.path / "vectors"

    @property
    def checkpoints_dir(self) -> Path:
        """Where fits that are going on keep where they stand; absent where there is none."""
        return self.path / "checkpoints"

    def drop_checkpoints(self) -> None:
        """Remove what fits that were cut off have learned so far; they start anew."""
        shutil.rmtree(self.checkpoints_dir, ignore_errors=True)

    @property
    def text_vectors(self) -> Path:
        """What encoders said of the texts of items, by hash; may be deleted at any time."""
        return self.vectors_dir / "texts.sqlite"

    @property
    def pictures_dir(self) -> Path:
        """Pictures of items; it may be absent."""
        return self.path / "pictures"

    @property
    def backups_dir(self) -> Path:
        """Backups that the service made; it may be absent."""
        return self.path / "backups"

    @property
    def imports_dir(self) -> Path:
        """Files on their way in, and rows that were refused; it may be absent."""
        return self.path / "imports"

    def dataset(self, progress: Progress = silent) -> tuple[Dataset, CleaningReport]:
        """What there is to learn from, cleaned as the settings say, and what cleaning left out."""
        reading = self.read(progress)
        return reading.dataset, reading.report

    def read(self, progress: Progress = silent) -> Reading:
        """The same, with what a model that is fitted on it must know to forget people later."""
        progress("reading the store", 0, 2)
        tables, mark = self.store.marked_tables()
        progress("cleaning", 1, 2)
        cleaned, report = clean(tables, self.settings.cleaning)
        dataset = Dataset.from_tables(cleaned, self.settings.events)
        progress("cleaning", 2, 2)
        return Reading(dataset, report, mark, self.settings.cleaning)

    def current_model(self) -> Path | None:
        """The folder of the model that is served, None where none was published."""
        return self._shelf.current()

    def pipeline(self) -> Pipeline:
        """The current model, answering from the histories of the store.

        Raises:
            InputError: nothing was trained yet.
            DamagedArtifactError: a file of the model is missing, truncated or altered.
        """
        folder = self.current_model()
        if folder is None:
            raise InputError(f"nothing is trained in {self.path} yet (train with `serendip fit {self.path}`)")
        pipeline = Pipeline.load(folder)
        pipeline.lookup, pipeline.pictures = self.store.history, self.path
        return pipeline

    def adopt(self, pipeline: Pipeline, reading: Reading, aside: bool = False) -> str:
        """Make `pipeline`, fitted on `reading`, the current model, or put it beside that; its version."""
        reading.sign(pipeline)
        folder = self.new_model_folder()
        pipeline.save(folder)
        version = self._shelf.set_aside(folder) if aside else self.publish(folder)
        self.drop_checkpoints()
        return version

    def new_model_folder(self) -> Path:
        """An empty folder to save a model in; `publish` makes it the current one."""
        return self._shelf.begin()

    def publish(self, folder: Path) -> str:
        """Make a folder from `new_model_folder` the current model; its version, which is the folder's new name."""
        return self._shelf.publish(folder, self._in_experiments())

    def _in_experiments(self) -> set[str]:
        """The models that experiments which run need."""
        arms = (arm for experiment in self.store.experiments(running=True) for arm in experiment.arms)
        return {arm.model_version for arm in arms if arm.model_version is not None}

    def succeed_model(self, folder: Path, old: Path | None, deed: Deed = Deed("training")) -> str | None:
        """As `publish`, but None, and the folder is gone, where `old` is no longer the current model."""
        return self._shelf.succeed(folder, old, self._in_experiments(), deed)

    def amend_model(
        self, old: Path, recipe: Recipe, note: Mapping[str, Any], by: str | None = None, aside: bool = False
    ) -> str | None:
        """Make what was fitted for the current model `old`, under another recipe, the current one; its version.

        None, and nothing is done, where `old` is no longer current. `aside` puts it beside that instead.

        Args:
            note: what the card says besides.

        Raises:
            InputError: something of the recipe needs a fit.
        """
        draft = self.new_model_folder()
        try:
            amend(old, draft, recipe, {**note, **provenance.of_sources(old, recipe)})
        except (InputError, OSError, ValueError, KeyError):
            self._shelf.give_up(draft)
            raise
        return self._shelf.set_aside(draft) if aside else self.succeed_model(draft, old, Deed("recipe", by))

    def promotions(self) -> list[Promotion]:
        """Which models were put in service, the latest, oldest first."""
        return promotions.read(self.models_dir)

    def versions(self) -> list[str]:
        """Of all models on the shelf, oldest first."""
        return self._shelf.versions()

    def promote(self, version: str, by: str | None = None) -> None:
        """Make a model that is there the current one, in one step: services take it up within a second.

        Args:
            by: the id of the key with which it was asked for.

        Raises:
            InputError: there is no such model.
        """
        self._shelf.promote(version, by)

    def replace_model(self, folder: Path, old: Path) -> str | None:
        """Put a folder from `new_model_folder` in the place of the current model `old`, of which nothing is left.

        None, and nothing is done, where `old` is no longer current.
        """
        return self._shelf.replace(folder, old, self._in_experiments())

    def drop_models(self, folders: Iterable[Path]) -> None:
        """Remove models that are not current, and drafts of processes that died."""
        self._shelf.drop(folders)

    def close(self) -> None:
        """Let go of the files."""
        self._shelf.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _settings(path: Path) -> Settings:
    file = path / SETTINGS_FILE
    return Settings.read(file) if file.exists() else Settings()


def _elsewhere(settings: Settings) -> str:
    """The address of the store where it is no file of the workspace.

    Raises:
        InputError: the environment names a store, but by no address.
    """
    address = os.environ.get(STORE_VARIABLE) or settings.store
    if address and not is_postgres(address):
        raise InputError(f"{STORE_VARIABLE} is not the address of a PostgreSQL database (postgresql://...)")
    return address
