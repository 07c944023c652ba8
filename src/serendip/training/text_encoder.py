"""Text encoder: a small network taught on the catalogue itself which texts say alike what people like alike.

A text is the weighted sum of vectors of its words and runs of letters (x by TF-IDF, `features.text`), through a layer:

    z = V x + F(norm V x),   over its length

V starts as the leading directions of the catalogue's TF-IDF, so before the first step it is what `words` says. Two
lessons at once, by InfoNCE over a batch: which of many texts is that of an item that the same people turned to, and
which is the one that a few words were taken from,

    loss = InfoNCE(z_i, z_j) + InfoNCE(z(a passage of i), z_i)

with a share of the words left out at random. The passages are questions that nobody had to write: Izacard et al.,
"Unsupervised dense information retrieval with contrastive learning", TMLR 2022, section 3.1 (independent cropping).

It is no pretrained encoder: it knows the words of the catalogue and nothing else, but which of them matter to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.features.directions import leading_directions
from serendip.features.text import TextEncoder, content
from serendip.training import losses
from serendip.training.loop import Schedule, learn
from serendip.training.options import FitOptions
from serendip.training.picture_encoder import together
from serendip.training.session import torch_session

MOST_TERMS = 20_000
WIDTH = 192
SHARPNESS = 0.1
AT_ONCE = 256
READ_AT_ONCE = 4_096
FEWEST_STEPS = 12
"""Batches are made smaller until an epoch has so many."""
EPOCHS = 15
PASSAGES = 4
"""Of each text."""
LEFT_OUT = 0.3
"""Share of the terms of a text that is left out at random while learning."""


class TextNet(nn.Module):
    """Texts as sums of terms to vectors."""

    def __init__(self, n_terms: int, width: int) -> None:
        super().__init__()
        self.terms = nn.Embedding(max(1, n_terms), width)
        last = nn.Linear(width, width)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.deep = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), last)

    def forward(self, texts: Sparse) -> Tensor:
        """Sparse (B, T) to (B, D) of length 1, 0 for a text without a known term."""
        device = self.terms.weight.device
        columns, offsets = (
            torch.from_numpy(part.astype(np.int64)).to(device) for part in (texts.indices, texts.indptr)
        )
        weights = torch.from_numpy(texts.data.astype(np.float32)).to(device)
        if self.training:
            weights = functional.dropout(weights, LEFT_OUT)
        sums = functional.embedding_bag(
            columns, self.terms.weight, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
        )
        deep: Tensor = self.deep(sums)
        return functional.normalize(sums + deep, dim=1) * sums.any(1, keepdim=True)


@dataclass(frozen=True, eq=False)
class _Lesson:
    net: TextNet
    texts: Sparse  # (N, T)
    passages: Sparse  # (PASSAGES N, T): those of text i are i, i + N, ...
    there: BoolArray  # (N,)
    matrix: Sparse  # (U, N)

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[IntArray, IntArray]]:
        """Pairs of rows, (B, 2), and a passage of the first, (B,); an item that nobody met is its own partner."""
        pairs = together(self.matrix, self.there, generator)
        alone = np.setdiff1d(np.flatnonzero(self.there), pairs)
        both = generator.permutation(np.concatenate([pairs, np.stack([alone, alone], axis=1)]))
        passages = both[:, 0] + len(self.there) * generator.integers(PASSAGES, size=len(both))
        size = min(AT_ONCE, max(2, len(both) // FEWEST_STEPS))
        for start in range(0, len(both), size):
            yield both[start : start + size], passages[start : start + size]

    def loss(self, batch: tuple[IntArray, IntArray]) -> Tensor:
        pairs, passages = batch
        first, partners = self.net(self.texts[pairs.T.ravel()]).chunk(2)
        asked = self.net(self.passages[passages])
        return losses.info_nce(first, partners, SHARPNESS) + losses.info_nce(asked, first, SHARPNESS)

    def examined(self) -> None:
        return None


class CatalogueText:
    """A text encoder, taught by what items are and who likes them."""

    def __init__(self) -> None:
        self._terms = TextEncoder(content, "tfidf", MOST_TERMS)
        self._net = TextNet(0, WIDTH)

    def fit(self, values: Sequence[str], there: BoolArray, matrix: Sparse, options: FitOptions = FitOptions()) -> Self:
        """Learn from the text of each item, which of them there are (N,) and preferences (U, N)."""
        texts = self._terms.fit_encode(values)
        directions = leading_directions(texts, WIDTH)
        with torch_session(options) as device:
            net = TextNet(*directions.shape)
            with torch.no_grad():
                net.terms.weight[: len(directions)] = torch.from_numpy(directions)
            net = net.to(device)
            if there.any():
                passages = self._terms.encode(cut(values, options.generator()))
                lesson = _Lesson(net, texts, passages, there, matrix)
                schedule = Schedule(EPOCHS, 1e-3, weight_decay=0.01, warmup=0.05)
                learn(lesson, schedule, options, "texts of the catalogue")
            self._net = net.to("cpu").eval()
        return self

    def encode(self, values: Sequence[str]) -> FloatArray:
        """(n, D) float32, of length 1, or 0 where a text says nothing that is known."""
        texts = self._terms.encode(values)
        found = [np.empty((0, self._net.terms.embedding_dim), np.float32)]
        with torch.inference_mode():
            for start in range(0, texts.shape[0], READ_AT_ONCE):
                found.append(self._net(texts[start : start + READ_AT_ONCE]).numpy())
        return np.concatenate(found)

    def arrays(self) -> dict[str, NDArray[Any]]:
        learned = {f"net.{name}": value.numpy() for name, value in self._net.state_dict().items()}
        return {**learned, **self._terms.arrays()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        self._terms.restore({name: array for name, array in arrays.items() if not name.startswith("net.")})
        learned = {n.removeprefix("net."): torch.tensor(a) for n, a in arrays.items() if n.startswith("net.")}
        self._net = TextNet(*learned["terms.weight"].shape)
        self._net.load_state_dict(learned)
        self._net.eval()
        return self


def cut(texts: Sequence[str], generator: np.random.Generator) -> list[str]:
    """`PASSAGES` times one of each text: up to half of its words in a row, or characters where it has no spaces."""
    found = []
    for _ in range(PASSAGES):
        for text in texts:
            words, joint = (text.split(), " ") if " " in text.strip() else (list(text.strip()), "")
            length = int(generator.integers(1, max(2, len(words) // 2 + 1)))
            start = int(generator.integers(0, max(1, len(words) - length + 1)))
            found.append(joint.join(words[start : start + length]))
    return found
