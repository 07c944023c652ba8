"""Picture encoder: a small network taught on the catalogue itself to see what its pictures are of and who likes them.

Two lessons at once: which labels an item has, by binary cross-entropy, and which of many pictures is that of an item
that the same people turned to, by InfoNCE over the pairs (i, j) of a batch:

    loss = BCE(A z_i, labels_i) + InfoNCE(z_i, z_j)

It is no pretrained encoder: it knows what the catalogue shows and nothing else. It is also a classifier (`labels`).
Pictures are mirrored and shifted at random while learning, so that a few thousand of them teach something.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.features.pictures import THUMBNAIL as SIDE
from serendip.features.pictures import Pixels, square
from serendip.training import losses
from serendip.training.blocks.pictures import PatchKind, picture_net
from serendip.training.loop import Schedule, learn
from serendip.training.options import FitOptions
from serendip.training.session import torch_session

if TYPE_CHECKING:
    from PIL.Image import Image

SHIFT = 4
"""Pixels by which a picture is shifted at most."""
WIDTH = 128
SHARPNESS = 0.1
AT_ONCE = 128
FEWEST_STEPS = 12
"""Batches are made smaller until an epoch has so many."""
EPOCHS = 20
PAIRS_OF_EACH = 4
"""Of each item that people turned to, in one epoch."""


class PictureNet(nn.Module):
    """Pictures to vectors, and vectors to labels."""

    def __init__(self, kind: PatchKind, n_labels: int) -> None:
        super().__init__()
        self.reader = picture_net(kind, SIDE, WIDTH)
        self.labels = nn.Linear(WIDTH, max(1, n_labels))  # one that stands idle where there is none

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, S, S, 3) uint8 to (B, D) of length 1."""
        scaled = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        found: Tensor = functional.normalize(self.reader(scaled), dim=1)
        return found


@dataclass(frozen=True, eq=False)
class _Lesson:
    net: PictureNet
    pixels: Pixels  # (N, S, S, 3)
    labels: Sparse  # (N, L)
    pairs: IntArray  # (P, 2) item rows that have a picture
    alone: IntArray  # items with a picture that are in no pair
    device: torch.device

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[IntArray, np.random.Generator]]:
        """Pairs of rows, (B, 2); an item that is in no pair is its own partner."""
        singles = np.stack([self.alone, self.alone], axis=1)
        both = np.concatenate([self.pairs, singles])
        order = generator.permutation(len(both))
        size = min(AT_ONCE, max(2, len(order) // FEWEST_STEPS))
        for start in range(0, len(order), size):
            yield both[order[start : start + size]], generator

    def loss(self, batch: tuple[IntArray, np.random.Generator]) -> Tensor:
        pairs, generator = batch
        rows = pairs.T.ravel()  # first ones, then their partners
        vectors = self.net(torch.from_numpy(moved(self.pixels[rows], generator)).to(self.device))
        first, partners = vectors.chunk(2)
        loss = losses.info_nce(first, partners, SHARPNESS)
        if self.labels.shape[1]:
            right = torch.from_numpy(self.labels[rows].toarray()).to(self.device)
            loss = loss + functional.binary_cross_entropy_with_logits(self.net.labels(vectors) / SHARPNESS, right)
        return loss

    def examined(self) -> None:
        return None


class CataloguePictures:
    """A picture encoder, taught by what items are and who likes them."""

    def __init__(self, kind: PatchKind = "cnn") -> None:
        self.kind: PatchKind = kind
        self._net = PictureNet(kind, 0)

    def fit(
        self, pixels: Pixels, there: BoolArray, labels: Sparse, matrix: Sparse, options: FitOptions = FitOptions()
    ) -> Self:
        """Learn from pictures (N, S, S, 3), which of them there are (N,), labels (N, L) and preferences (U, N)."""
        with torch_session(options) as device:
            net = PictureNet(self.kind, labels.shape[1]).to(device)
            pairs = together(matrix, there, options.generator())
            alone = np.setdiff1d(np.flatnonzero(there), pairs)
            if there.any():
                lesson = _Lesson(net, pixels, labels.astype(np.float32), pairs, alone, device)
                learn(
                    lesson, Schedule(EPOCHS, 1e-3, weight_decay=0.05, warmup=0.05), options, f"pictures by {self.kind}"
                )
            self._net = net.to("cpu").eval()
        return self

    @property
    def identity(self) -> str:
        """What it is, to the last weight."""
        learned = sha256()
        for name, array in sorted(self.arrays().items()):
            learned.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return f"{self.kind} {learned.hexdigest()}"

    def view(self, picture: Image) -> Pixels:
        """The square that is looked at, (S, S, 3)."""
        return square(picture, SIDE)

    def encode(self, pixels: Pixels) -> FloatArray:
        """(n, D) float32, of length 1."""
        found = [np.empty((0, WIDTH), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(pixels), AT_ONCE):
                found.append(self._net(torch.from_numpy(pixels[start : start + AT_ONCE])).numpy())
        return np.concatenate(found)

    def labels(self, pixels: Pixels) -> FloatArray:
        """How sure it is of each label, (n, L) from 0 to 1."""
        with torch.inference_mode():
            said = self._net.labels(torch.from_numpy(self.encode(pixels))) / SHARPNESS
        return np.asarray(torch.sigmoid(said).numpy())

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {name: value.numpy() for name, value in self._net.state_dict().items()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        self._net = PictureNet(self.kind, len(arrays["labels.bias"]))
        self._net.load_state_dict({name: torch.tensor(value) for name, value in arrays.items()})
        self._net.eval()
        return self


def moved(pixels: Pixels, generator: np.random.Generator) -> Pixels:
    """Each picture mirrored or not, and shifted by a few pixels, (n, S, S, 3)."""
    side = pixels.shape[1]
    wide = np.pad(pixels, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    down, right = generator.integers(0, 2 * SHIFT + 1, (2, len(pixels)))
    rows, columns = down[:, None] + np.arange(side), right[:, None] + np.arange(side)
    mirrored = generator.random(len(pixels)) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    return np.ascontiguousarray(wide[np.arange(len(pixels))[:, None, None], rows[:, :, None], columns[:, None, :]])


def together(matrix: Sparse, there: BoolArray, generator: np.random.Generator) -> IntArray:
    """Pairs of items with a picture that one person turned to, `PAIRS_OF_EACH` for each such item, (P, 2)."""
    people, items = matrix.tocoo().coords
    kept = there[items]
    people, items = people[kept].astype(np.int64), items[kept].astype(np.int64)
    order = np.argsort(people, kind="stable")
    people, items = people[order], items[order]
    starts, counts = np.searchsorted(people, people), np.bincount(people, minlength=matrix.shape[0])[people]
    able = np.flatnonzero(counts > 1)
    if not len(able):
        return np.empty((0, 2), np.int64)
    n_wanted = min(len(able), PAIRS_OF_EACH * len(np.unique(items)))
    chosen = generator.choice(able, n_wanted, replace=False)
    partner = starts[chosen] + (chosen - starts[chosen] + generator.integers(1, counts[chosen])) % counts[chosen]
    return np.stack([items[chosen], items[partner]], axis=1)
