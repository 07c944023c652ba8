"""Seeing: the encoders of pictures by their names, and how those are taught that learn from a catalogue.

looks          colours and edges; needs nothing but Pillow
cnn, vit       a small network taught on the catalogue itself (`training.picture_encoder`)
FOLDER         a local folder of a pretrained one (`features.encoders.vision`)
OWNER/NAME     such a folder in the cache of Hugging Face on this machine; nothing is downloaded here
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp

from serendip.data import Dataset
from serendip.data.arrays import FloatArray, Sparse
from serendip.errors import InputError
from serendip.features.columns import blocks
from serendip.features.encoders import vision_encoder
from serendip.features.encoders.base import PictureEncoder
from serendip.features.encoders.looks import Looks
from serendip.features.pictures import THUMBNAIL, Complain, thumbnails, views
from serendip.training.options import FitOptions

LEARNED = ("cnn", "vit")
IMAGE = "image"
AT_ONCE = 64
"""Pictures that are held at once."""


def picture_encoder(name: str) -> PictureEncoder:
    """The encoder of pictures called `name`, see above, as it is before it is taught.

    Raises:
        InputError: there is none of that name on this machine, or a package that it needs is missing.
    """
    if name == "looks":
        return Looks()
    if name in LEARNED:
        from serendip.training.picture_encoder import CataloguePictures

        return CataloguePictures("vit" if name == "vit" else "cnn")
    return vision_encoder(name)


def check_name(name: str) -> None:
    """
    Raises:
        InputError: there is no encoder of pictures of that name on this machine.
    """
    if name != "looks" and name not in LEARNED:
        try:
            from serendip.features.encoders import places

            places.of(name)
        except (InputError, ModuleNotFoundError):
            raise InputError(
                f"there is no encoder of pictures {name!r}; there are looks, {', '.join(LEARNED)}, local folders and "
                "what Hugging Face's cache on this machine holds"
            ) from None


def learned(
    name: str, start: Path, dataset: Dataset, options: FitOptions, complain: Complain
) -> tuple[PictureEncoder, FloatArray]:
    """The encoder called `name`, one of `LEARNED`, taught by the pictures in the folder `start`; and what it says of
    each item, (N, D), zeros where there is no picture.
    """
    from serendip.training.picture_encoder import CataloguePictures

    items = dataset.items.attributes
    pixels, there = thumbnails(start, names_of(items), THUMBNAIL, complain)
    encoder = CataloguePictures("vit" if name == "vit" else "cnn")
    encoder.fit(pixels, there, labels_of(items), dataset.matrix(), options)
    return encoder, encoder.encode(pixels) * there[:, None]


def seen(encoder: PictureEncoder, start: Path, names: Sequence[str | None], complain: Complain) -> FloatArray:
    """What an encoder says of the pictures called `names` in the folder `start`, (N, D), zeros where there is none."""
    found: list[tuple[list[int], FloatArray]] = []
    opened = views(start, names, encoder.view, complain)
    while some := list(islice(opened, AT_ONCE)):
        found.append(([row for row, _ in some], encoder.encode(np.stack([view for _, view in some]))))
    vectors = np.zeros((len(names), found[0][1].shape[1] if found else 1), np.float32)
    for rows, said in found:
        vectors[rows] = said
    return vectors


def names_of(items: pl.DataFrame) -> list[str | None]:
    """What the attribute `image` of each item says."""
    return items[IMAGE].cast(pl.String).to_list() if IMAGE in items.columns else [None] * items.height


def labels_of(items: pl.DataFrame) -> Sparse:
    """Which labels each item has, (N, L)."""
    found = blocks(items.drop(IMAGE, strict=False))
    return sp.csr_array(sp.hstack(found, format="csr") > 0) if found else sp.csr_array((items.height, 0))
