"""The shelf of fitted models: folders that appear whole, and a pointer to the one that is served."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from serendip.data import InputError
from serendip.store import promotions
from serendip.store.files import FolderLock, synchronise, synchronise_tree, write_whole
from serendip.store.promotions import Deed

POINTER = "current"
DRAFT = ".tmp"


class ModelShelf:
    """Folders named by the time they were begun; `current` is a text file with the name of one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._drafts: dict[Path, FolderLock] = {}

    def current(self) -> Path | None:
        """The folder that the pointer names, whether or not it is sound; None where nothing was published."""
        try:
            text = (self.folder / POINTER).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        name = Path(text.strip()).name  # never a way out of the shelf
        return None if name in ("", "..") else self.folder / name

    def begin(self) -> Path:
        """An empty draft folder to save a model in; drafts of processes that died are removed."""
        with self._held():
            self._remove_abandoned()
            began = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            draft = self.folder / f"{began}-{secrets.token_hex(2)}{DRAFT}"
            draft.mkdir()
            lock = FolderLock(draft)
            lock.take(wait=False)
            self._drafts[draft] = lock
        return draft

    def set_aside(self, draft: Path) -> str:
        """Put a draft beside the current model and return its name; it stays until the next `publish`.

        Raises:
            InputError: `draft` is not a draft folder of this shelf.
        """
        self._check(draft)
        synchronise_tree(draft)
        with self._held():
            return self._shelved(draft).name

    def publish(self, draft: Path, kept: Collection[str] = (), deed: Deed = Deed()) -> str:
        """Make a draft the current model and return its name; the one before stays and those `kept`, others go.

        A crash at any moment leaves the old model current or the new one, each whole.

        Raises:
            InputError: `draft` is not a draft folder of this shelf.
        """
        self._check(draft)
        synchronise_tree(draft)
        with self._held():
            previous = self.current()
            model = self._point_to(draft, deed)
            self._remove_all_but({model, previous, *(self.folder / name for name in kept)})
        return model.name

    def succeed(
        self, draft: Path, old: Path | None, kept: Collection[str] = (), deed: Deed = Deed("training")
    ) -> str | None:
        """As `publish`, but None, and the draft is gone, where `old` is no longer the current model."""
        self._check(draft)
        synchronise_tree(draft)
        with self._held():
            if self.current() != old:
                self.give_up(draft)
                return None
            model = self._point_to(draft, deed)
            self._remove_all_but({model, old, *(self.folder / name for name in kept)})
        return model.name

    def versions(self) -> list[str]:
        """The names of the models that are there, oldest first."""
        return sorted(it.name for it in self.folder.iterdir() if it.is_dir() and it.suffix != DRAFT)

    def promote(self, version: str, by: str | None = None) -> None:
        """Make a model that is there the current one; all stay.

        Raises:
            InputError: there is no such model.
        """
        with self._held():
            if version not in self.versions():
                known = ", ".join(self.versions()) or "none"
                raise InputError(f"there is no model {version!r}; there are {known}")
            self._point(self.folder / version, Deed("choice", by))

    def replace(self, draft: Path, old: Path, kept: Collection[str] = ()) -> str | None:
        """Make a draft the current model in the place of `old`, of which nothing is left, and keep no other but `kept`.

        None, and nothing is done, if `old` is not current.
        """
        self._check(draft)
        synchronise_tree(draft)
        with self._held():
            if self.current() != old:
                self.give_up(draft)
                return None
            model = self._point_to(draft, Deed("erasure"))
            self._remove_all_but({model, *(self.folder / name for name in kept if name != old.name)})
        return model.name

    def drop(self, folders: Iterable[Path]) -> None:
        """Remove published models that are not current, and abandoned drafts."""
        with self._held():
            self._remove_abandoned()
            for folder in folders:
                if folder.parent == self.folder and folder != self.current() and folder.is_dir():
                    shutil.rmtree(folder)

    def give_up(self, draft: Path) -> None:
        """Remove a draft that will not be published."""
        shutil.rmtree(draft)
        if lock := self._drafts.pop(draft, None):
            lock.release()

    def _check(self, draft: Path) -> None:
        if draft.parent != self.folder or draft.suffix != DRAFT or not draft.is_dir():
            raise InputError(f"{draft} is not a folder that `new_model_folder` made")

    def _point_to(self, draft: Path, deed: Deed) -> Path:
        model = self._shelved(draft)
        self._point(model, deed)
        return model

    def _point(self, model: Path, deed: Deed) -> None:
        before = self.current()
        write_whole(self.folder / POINTER, model.name + "\n")
        promotions.note(model, before, deed)

    def _shelved(self, draft: Path) -> Path:
        """A draft as a model that appears whole."""
        model = draft.with_suffix("")
        draft.rename(model)
        synchronise(self.folder)
        if lock := self._drafts.pop(draft, None):
            lock.release()
        return model

    def close(self) -> None:
        """Let go of drafts that were not published; the next `begin` removes them."""
        for lock in self._drafts.values():
            lock.release()
        self._drafts.clear()

    def _remove_abandoned(self) -> None:
        for draft in self.folder.glob(f"*{DRAFT}"):
            if draft.is_dir():
                lock = FolderLock(draft)
                if lock.take(wait=False):
                    shutil.rmtree(draft)
                lock.release()

    def _remove_all_but(self, kept: set[Path | None]) -> None:
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder.suffix != DRAFT and folder not in kept:
                shutil.rmtree(folder)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """One at a time, over all processes."""
        lock = FolderLock(self.folder)
        lock.take(wait=True)
        try:
            yield
        finally:
            lock.release()
