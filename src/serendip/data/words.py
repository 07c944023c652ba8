"""Words: what people said in their own words, a search or a review, beside what they did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serendip.data.arrays import BoolArray, FloatArray, IntArray

LATEST_SAID = 20
"""Of each person so many texts count, the latest."""
NOTHING = -1
"""The row of what a search is about: no item."""


@dataclass(frozen=True, eq=False)
class Words:
    """Texts in order of owner, and of time for each. The owners are rows of people, or queries of a batch."""

    owners: IntArray  # (W,) int32, ascending
    item_rows: IntArray  # (W,) int32: what each was said of, `NOTHING` where it is a search or of what is not known
    times_ms: IntArray  # (W,) int64; 0 where absent
    signals: FloatArray  # (W,) float32: what its event says, see data.signals
    texts: NDArray[np.object_]  # (W,)

    @classmethod
    def nothing(cls) -> Words:
        return cls.of([], [], [], [], [])

    @classmethod
    def of(
        cls,
        owners: list[int] | IntArray,
        item_rows: list[int] | IntArray,
        times_ms: list[int] | IntArray,
        signals: list[float] | FloatArray,
        texts: list[str],
    ) -> Words:
        """From columns in any order of owners, in order of time for each."""
        columns = (np.asarray(column, kind) for column, kind in (
            (owners, np.int32), (item_rows, np.int32), (times_ms, np.int64), (signals, np.float32), (texts, object),
        ))  # fmt: skip
        found = cls(*columns)
        return found[np.argsort(found.owners, kind="stable")]

    def __len__(self) -> int:
        return len(self.owners)

    def __getitem__(self, which: BoolArray | IntArray | slice) -> Words:
        return Words(
            self.owners[which], self.item_rows[which], self.times_ms[which], self.signals[which], self.texts[which]
        )

    def of_owners(self, chosen: IntArray) -> Words:
        """The words of `chosen` owners (B,), who are the owners 0 to B - 1 of what is returned."""
        starts, ends = (np.searchsorted(self.owners, chosen, side) for side in ("left", "right"))
        lengths = ends - starts
        places = np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        return self[places].owned(np.repeat(np.arange(len(chosen)), lengths), None)

    def owned(self, owners: IntArray | None, item_rows: IntArray | None) -> Words:
        """The same texts of other owners, or about items of other rows."""
        return Words(
            self.owners if owners is None else owners.astype(np.int32),
            self.item_rows if item_rows is None else item_rows.astype(np.int32),
            self.times_ms,
            self.signals,
            self.texts,
        )

    def counted(self) -> BoolArray:
        """Which count, (W,): of equal texts of one owner the last, of these the latest `LATEST_SAID`; not those whose
        event says nothing good.
        """
        able = np.flatnonzero(self.signals > 0)
        last = {(owner, text): place for owner, text, place in zip(
            self.owners[able].tolist(), self.texts[able].tolist(), able.tolist(), strict=True
        )}  # fmt: skip
        places = np.sort(np.fromiter(last.values(), np.int64, len(last)))
        owners = self.owners[places]
        after = np.searchsorted(owners, owners, "right") - 1 - np.arange(len(places))
        found = np.zeros(len(self), np.bool_)
        found[places[after < LATEST_SAID]] = True
        return found
