"""The contract of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, runtime_checkable

from numpy.typing import NDArray

from serendip.data.arrays import FloatArray
from serendip.features.pictures import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")


class PictureEncoder(Protocol):
    """Pictures to vectors, whose products say how alike they look."""

    @property
    def identity(self) -> str:
        """What it is, to the last weight: equal identities, equal vectors."""
        ...

    def view(self, picture: Image) -> Pixels:
        """What it looks at of an opened picture, (S, S, 3)."""
        ...

    def encode(self, pixels: Pixels) -> FloatArray:
        """(n, D) float32 of length 1, of views (n, S, S, 3)."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as named arrays; nothing for one that is found again by its name."""
        ...

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        """Take what was learned from `arrays`."""
        ...


@runtime_checkable
class ReadsWords(Protocol):
    """An encoder of pictures that may also say where pictures of what is said would lie."""

    def of_words(self, texts: Sequence[str]) -> FloatArray | None:
        """(n, D) float32 of length 1, to be multiplied with what `encode` says of pictures; None: it cannot."""
        ...


class Encoder(Protocol):
    """Contents to vectors, whose products say how alike the contents are."""

    @property
    def identity(self) -> str:
        """What it is, to the last weight: equal identities, equal vectors."""
        ...

    def fit(self, values: Sequence[str]) -> Self:
        """Learn from the contents of a catalogue what there is to learn; a pretrained encoder learns nothing."""
        ...

    def encode(self, values: Sequence[str]) -> FloatArray:
        """(n, D) float32, rows of length 1, or of zeros where a content says nothing."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `fit` learned, as named arrays; nothing for a pretrained encoder, which is found again by its name."""
        ...

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        """Take what was learned from `arrays` instead of `fit`."""
        ...
