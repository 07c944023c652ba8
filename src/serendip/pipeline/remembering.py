"""Remembering: an encoder, and what it said of contents by their hashes, so that nothing is encoded twice."""

from __future__ import annotations

from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from serendip.data.arrays import FloatArray
from serendip.errors import InputError
from serendip.features.encoders import Encoder, PictureEncoder

DIGEST = 32
"""Bytes of a hash."""
Reads = TypeVar("Reads", Encoder, PictureEncoder)


class Remembering(Generic[Reads]):
    """What is known, to be saved and taken up again."""

    def __init__(self, name: str, encoder: Reads) -> None:
        self.name = name
        self._encoder: Reads = encoder
        self._known: dict[bytes, FloatArray] = {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is known, as named arrays."""
        digests = np.frombuffer(b"".join(self._known), np.uint8).reshape(-1, DIGEST).copy()
        vectors = np.stack(list(self._known.values())) if self._known else np.empty((0, 1), np.float32)
        identity = np.frombuffer(self._encoder.identity.encode(), np.uint8).copy()
        encoder = {f"encoder.{name}": array for name, array in self._encoder.arrays().items()}
        return {"digests": digests, "vectors": vectors, "identity": identity, **encoder}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        """Take what is known from `arrays`.

        Raises:
            InputError: the encoder of that name on this machine is another one.
        """
        own = {name.removeprefix("encoder."): array for name, array in arrays.items() if name.startswith("encoder.")}
        self._encoder.restore(own)
        if self._encoder.identity.encode() != arrays["identity"].tobytes():
            raise InputError(f"the encoder {self.name} on this machine is another one than items were read with")
        self._known = dict(zip((row.tobytes() for row in arrays["digests"]), arrays["vectors"], strict=True))
        return self
