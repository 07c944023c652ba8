"""Tensors: the arrays of a safetensors file, read without holding up the other threads of the process.

What the package itself offers copies a file under the interpreter lock, and a service that takes up a model of some
gigabytes answers nobody for seconds. Here the lock is free while bytes are read. They are not mapped either: whoever
shortens a file that is mapped kills the process.

The format: 8 bytes, little-endian, say how long the header is; the header is JSON, by name `dtype`, `shape` and where
in the rest of the file the numbers lie, by rows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {
    "BOOL": "?",
    "U8": "<u1",
    "I8": "<i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
LONGEST_HEADER = 100_000_000
"""Bytes, as the format itself has it."""
ABOUT_THE_FILE = "__metadata__"


def read_tensors(file: Path) -> dict[str, NDArray[Any]]:
    """All arrays by name; each is its own and may be written to.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no whole safetensors file.
    """
    with file.open("rb", buffering=0) as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > LONGEST_HEADER:
            raise ValueError(f"{file} is no safetensors file")
        header = json.loads(opened.read(length))
        header.pop(ABOUT_THE_FILE, None)
        try:
            found = {name: np.empty(one["shape"], TYPES[one["dtype"]]) for name, one in header.items()}
        except KeyError as error:
            raise ValueError(f"{file} holds numbers of an unknown kind: {error}") from None
        for name, one in header.items():
            opened.seek(8 + length + one["data_offsets"][0])
            _fill(found[name], opened, file)
    return found


def _fill(array: NDArray[Any], opened: Any, file: Path) -> None:
    left = array.reshape(-1).view(np.uint8).data
    while left:
        count = opened.readinto(left)  # at most 2 GB at once
        if not count:
            raise ValueError(f"{file} is truncated")
        left = left[count:]
