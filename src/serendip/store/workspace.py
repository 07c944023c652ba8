"""Workspace: a folder with everything there is: store, models, vectors, pictures, settings."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from serendip.data import Dataset, InputError, Progress, silent
from serendip.data.cleaning import CleaningReport, clean
from serendip.pipeline import Pipeline
from serendip.store.contract import Store
from serendip.store.settings import Settings
from serendip.store.shelf import ModelShelf
from serendip.store.sqlite import open_sqlite

STORE_FILE = "serendip.db"
SETTINGS_FILE = "settings.toml"


def open_store(path: Path) -> Store:
    """The store in the file `path`, which is made if it is not there.

    Raises:
        InputError: the file is not a store, is damaged, or was written by a newer Serendip.
    """
    return open_sqlite(path)


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
        if not (path / STORE_FILE).is_file():
            made = "make one with `serendip import` or `serendip demo`"
            raise InputError(f"{path} is not a workspace: it has no {STORE_FILE} ({made})")
        (path / "models").mkdir(exist_ok=True)
        return cls._opened(path)

    @classmethod
    def _opened(cls, path: Path) -> Self:
        file = path / SETTINGS_FILE
        settings = Settings.read(file) if file.exists() else Settings()
        return cls(path, settings, open_store(path / STORE_FILE))

    @property
    def models_dir(self) -> Path:
        """Fitted models, one folder each, and the pointer to the current one."""
        return self.path / "models"

    @property
    def vectors_dir(self) -> Path:
        """Vectors of texts and pictures, which can be computed again."""
        return self.path / "vectors"

    @property
    def pictures_dir(self) -> Path:
        """Pictures of items; it may be absent."""
        return self.path / "pictures"

    def dataset(self, progress: Progress = silent) -> tuple[Dataset, CleaningReport]:
        """What there is to learn from, cleaned as the settings say, and what cleaning left out."""
        progress("reading the store", 0, 2)
        tables = self.store.tables()
        progress("cleaning", 1, 2)
        cleaned, report = clean(tables, self.settings.cleaning)
        dataset = Dataset.from_tables(cleaned, self.settings.events)
        progress("cleaning", 2, 2)
        return dataset, report

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
        pipeline.lookup = self.store.history
        return pipeline

    def new_model_folder(self) -> Path:
        """An empty folder to save a model in; `publish` makes it the current one."""
        return self._shelf.begin()

    def publish(self, folder: Path) -> str:
        """Make a folder from `new_model_folder` the current model; its version, which is the folder's new name."""
        return self._shelf.publish(folder)

    def close(self) -> None:
        """Let go of the files."""
        self._shelf.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
