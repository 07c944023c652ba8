"""Looks: pictures to vectors by their colours and edges alone. Nothing is learned, and nothing but Pillow is needed.

Half of a vector is the colours of a picture in `PATCHES` x `PATCHES` squares; half is which way its edges run, in
`CELLS` x `CELLS` squares and `WAYS` directions, each weighed by how strong it is: Dalal and Triggs, "Histograms of
oriented gradients for human detection", CVPR 2005, without overlapping blocks. It finds the same picture again, other
sizes and formats of it, and what is of the same colours and shape; of what things are it knows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from serendip.data.arrays import FloatArray
from serendip.features.directions import unit
from serendip.features.pictures import THUMBNAIL, Pixels, square

if TYPE_CHECKING:
    from PIL.Image import Image

PATCHES, CELLS, WAYS = 8, 6, 8


class Looks:
    """Colours and edges."""

    identity = f"looks {PATCHES} {CELLS} {WAYS}"

    def view(self, picture: Image) -> Pixels:
        """The square that is looked at, (S, S, 3)."""
        return square(picture, THUMBNAIL)

    def encode(self, pixels: Pixels) -> FloatArray:
        """(n, D) float32 of length 1."""
        scaled = np.asarray(pixels, np.float32).reshape(len(pixels), THUMBNAIL, THUMBNAIL, 3) / 255
        return unit(np.concatenate([unit(_colours(scaled)), unit(_edges(scaled.mean(axis=3)))], axis=1))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        return self


def _colours(pictures: FloatArray) -> FloatArray:
    """(n, S, S, 3) to (n, PATCHES * PATCHES * 3), around a middle grey."""
    size = THUMBNAIL // PATCHES
    patches = pictures.reshape(len(pictures), PATCHES, size, PATCHES, size, 3).mean(axis=(2, 4))
    return np.asarray(patches.reshape(len(pictures), -1) - 0.5, np.float32)


def _edges(grey: FloatArray) -> FloatArray:
    """(n, S, S) to (n, CELLS * CELLS * WAYS)."""
    down, right = np.gradient(grey, axis=(1, 2)) if len(grey) else (grey, grey)
    ways = np.floor(np.arctan2(down, right) % np.pi / np.pi * WAYS).astype(int) % WAYS
    strong = np.hypot(down, right)[..., None] * (ways[..., None] == np.arange(WAYS))  # (n, S, S, WAYS)
    size = THUMBNAIL // CELLS
    cells = strong.reshape(len(grey), CELLS, size, CELLS, size, WAYS).sum(axis=(2, 4))
    return np.asarray(np.sqrt(cells).reshape(len(grey), -1), np.float32)
