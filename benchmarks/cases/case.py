"""Case: a data set, how it is read and divided, what is measured, and what others published for exactly that."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from serendip.data import Dataset
from serendip.data.splits import Split, data_hash
from serendip.data.splits.hashing import events_hash
from serendip.errors import InputError

BASELINES = ("popular", "item_knn", "ease", "als")
TIMED_BASELINES = ("popular", "popular?half_life_days=30", "item_knn", "ease", "als")
RATING_BASELINES = ("global_mean", "bias")


@dataclass(frozen=True)
class Published:
    """What others report for one model; quoted, never measured here."""

    model: str
    metrics: dict[str, float]
    source: str
    """Who printed the figures, and where."""
    note: str = ""
    """In what their run may differ."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One division of a data set; the parts share people, items and their rows.

    Papers often hold out a validation part beside the test part. Whether it may be learned from, is shown as history
    when the test is taken, or is left out of the lists differs between protocols, hence three parts and not one.
    """

    learn: Dataset
    """What models are fitted on."""
    shown: Dataset
    """What the histories are made of that models are handed when asked."""
    known: Dataset
    """Events whose items are neither listed nor right, where seen items are excluded."""
    test: Dataset

    @classmethod
    def of(cls, split: Split) -> Fold:
        return cls(split.train, split.known, split.known, split.test)

    @property
    def sides(self) -> list[Dataset]:
        """The parts that differ, the test second: for a plain `Split` the same as its own."""
        parts = {id(part): part for part in (self.learn, self.test, self.shown, self.known)}
        return list(parts.values())


@dataclass(frozen=True, eq=False)
class Material:
    """The data set as it was read, and its divisions."""

    whole: tuple[Dataset, ...]
    """The data set, or the parts in which it came."""
    folds: tuple[Fold, ...]

    @property
    def data_hash(self) -> str:
        return data_hash(*self.whole)

    @property
    def split_hash(self) -> str:
        """Says which events are in which part of which fold; that of the `Split` where there is only one."""
        return events_hash([side for fold in self.folds for side in fold.sides])


@dataclass(frozen=True)
class Case:
    name: str
    folder: str
    """Of the data set, inside the folder of all data sets."""
    reading: str
    """How the data are read, in words."""
    protocol: str
    """How they are divided and who is asked, in words."""
    open: Callable[[Path], Material] = field(repr=False)
    """Reads the folder and divides the data."""
    validation: Callable[[Fold], Fold] = field(repr=False)
    """Divides what may be learned from once more, for settings to be chosen without a look at the test."""
    metrics: tuple[str, ...]
    """Columns of the leaderboard; the first orders it."""
    kind: Literal["ranking", "ratings"] = "ranking"
    cutoffs: tuple[int, ...] = (5, 10, 20)
    seen: Literal["excluded", "allowed"] = "excluded"
    candidates: Literal["all", "new"] = "all"
    """What may be listed: everything, or only items without any event that models learn from."""
    models: tuple[str, ...] = BASELINES
    """Models that should have a result."""
    published: tuple[Published, ...] = ()
    pictures: Callable[[Path], Path] | None = field(default=None, repr=False)
    """From the folder of the data set to the one that the attribute `image` of items starts from."""

    @property
    def rules(self) -> str:
        """The protocol and what is done with seen items."""
        return self.protocol if self.kind == "ratings" else f"{self.protocol} Seen items are {self.seen}."

    def material(self, root: Path | None = None, validation: bool = False) -> Material:
        """Read from `root`, the folder of all data sets; for `validation`, without the test parts.

        Raises:
            InputError: the data set or one of its files is not there.
        """
        root = data_root() if root is None else root
        folder = root / self.folder
        if not folder.is_dir():
            raise InputError(
                f"{self.name} needs the data set {self.folder}, which is not in {root}; "
                "set SERENDIP_DATA to the folder that holds the data sets"
            )
        try:
            material = self.open(folder)
        except FileNotFoundError as error:
            raise InputError(f"{self.name} needs the file {error.filename or error}, which is not there") from None
        if validation:
            return Material(material.whole, tuple(map(self.validation, material.folds)))
        return material


def caches() -> Path:
    """The user's folder for what cases unpack and encoders read once."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "serendip"


def data_root() -> Path:
    """`SERENDIP_DATA`, or `shared/datasets` beside the repository."""
    return Path(os.environ.get("SERENDIP_DATA") or Path(__file__).parents[3] / "shared" / "datasets")
