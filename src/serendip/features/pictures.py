"""Pictures: files that strangers made, opened with care, as arrays of one size.

A picture is a local file, in the folder of pictures and nowhere else; nothing is ever fetched. Only four formats are
tried, and only as far as `MOST_BYTES` and `MOST_PIXELS`: a file of a few bytes may claim to unfold into gigabytes. What
cannot be opened is no picture, and says so in one sentence; the item keeps its texts and labels.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serendip.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image, Resampling

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
MOST_BYTES = 20_000_000
MOST_PIXELS = 40_000_000
LARGEST = 65_500
"""Pixels of a side: the most that JPEG and WebP can say."""
WHITE = (255, 255, 255)
THUMBNAIL = 48
"""Pixels of the side of what small networks look at."""

START: ContextVar[Path] = ContextVar("start", default=Path())
"""The folder that names of pictures start from, where nobody says another."""

Pixels = NDArray[np.uint8]
Complain = Callable[[str], None]


def opened(data: bytes, where: str) -> Image:
    """A picture in red, green and blue, turned upright, white where it is transparent.

    Raises:
        InputError: it is no picture of a known format, is damaged, or is too large; the message says `where`.
    """
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError:
        raise InputError("pictures need the package Pillow: install serendip[world]") from None
    if len(data) > MOST_BYTES:
        raise InputError(f"{where} has {len(data):,} bytes; a picture has {MOST_BYTES:,} at most")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow warns of what is suspicious, and goes on
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            width, height = picture.size
            if width * height > MOST_PIXELS or max(width, height) > LARGEST:
                raise InputError(f"{where} has {width:,} x {height:,} pixels; a picture has {MOST_PIXELS:,} at most")
            picture.seek(0)
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
            plain = Image.new("RGBA", upright.size, (*WHITE, 255))
            return Image.alpha_composite(plain, upright).convert("RGB")
    except InputError:
        raise
    except Exception as error:  # whatever a hostile file provokes inside the library
        raise InputError(f"{where} is no picture that can be opened: {_short(error)}") from None


def _short(error: Exception) -> str:
    """The first line of what went wrong, without what stands for a stream in memory."""
    text = str(error).partition(" <_io.")[0].strip()
    return (text.splitlines() or [type(error).__name__])[0]


def found(root: Path, name: str | None, where: str) -> bytes | None:
    """The bytes of the picture that `name`, relative to the folder `root`, stands for; None where there is no name.

    Raises:
        InputError: it lies elsewhere, is no file, or is too large.
    """
    if not name:
        return None
    if "://" in name or "\0" in name:
        raise InputError(f"{where} is {name!r}, which is no local file; nothing is fetched")
    try:
        path = (root / name).resolve()
        if not path.is_relative_to(root.resolve()):
            raise InputError(f"{where} is {name!r}, which lies outside of the folder of pictures")
        if not path.is_file():
            raise InputError(f"{where} is {name!r}, and there is no such file")
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{where} is {name!r}, which has more than {MOST_BYTES:,} bytes")
        return path.read_bytes()
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links, no right to read
        raise InputError(f"{where} is {name!r}, which cannot be read: {_short(error)}") from None


def thumbnails(
    root: Path, names: Sequence[str | None], side: int, complain: Complain
) -> tuple[Pixels, NDArray[np.bool_]]:
    """The pictures that `names` (N,) stand for, (N, side, side, 3), the middle square of each, and which there are,
    (N,).

    Where there is none or it cannot be opened stand zeros; the sentences go to `complain`.
    """
    pixels, there = np.zeros((len(names), side, side, 3), np.uint8), np.zeros(len(names), bool)
    for row, view in views(root, names, lambda picture: square(picture, side), complain):
        pixels[row], there[row] = view, True
    return pixels, there


def views(
    root: Path, names: Sequence[str | None], view: Callable[[Image], Pixels], complain: Complain
) -> Iterator[tuple[int, Pixels]]:
    """What `view` makes of each picture that there is, with its place in `names`; what is wrong goes to `complain`."""
    for row, name in enumerate(names):
        where = f"the picture of item {row + 1}"
        try:
            data = found(root, name, where)
            if data is not None:
                yield row, view(opened(data, where))
        except InputError as error:
            complain(str(error))


def square(picture: Image, side: int, resample: Resampling | None = None) -> Pixels:
    """The largest square in the middle, (side, side, 3)."""
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(picture, (side, side), resample or Image.Resampling.BILINEAR))
