"""Text tower: a pretrained encoder of texts whose last layers learn along, by low-rank adapters (`blocks.lora`).

The layers below stay as they are, so what they say of each text is found once and kept. As an encoder it is like any
other: what it says of new texts comes through the adapters, which are all that has to be saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from serendip.data.arrays import FloatArray
from serendip.errors import InputError
from serendip.features.directions import Whitening
from serendip.features.encoders import Encoder, text_encoder
from serendip.features.encoders.pretrained import PretrainedText, Transformer, pooled
from serendip.training.blocks.lora import adapted
from serendip.training.settings import Tuning

AT_ONCE = 64
"""Texts that go through the layers together."""


class TunedText:
    """An encoder of texts with adapters; as long as these have not learned anything it says what it said before."""

    def __init__(self, name: str, tuning: Tuning) -> None:
        """The encoder called `name`, see `features.encoders`.

        Raises:
            InputError: it is not there, has weights of eight bits or none at all, or other layers than BERT has.
        """
        base = text_encoder(name)
        model = _trainable(base)
        layers = getattr(getattr(model, "encoder", None), "layer", None)
        if not isinstance(base, PretrainedText) or model is None or layers is None:
            raise InputError(f"the encoder {name} cannot learn along: only layers like those of BERT, in float32, can")
        self.base, self.model = base, model  # one of transformers, of no type that is known
        self.model.requires_grad_(False)
        self.below = list(layers[: -tuning.layers])
        self.above = list(layers[-tuning.layers :])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # the same adapters before the first step, whatever was drawn before
            self.adapters = adapted(self.above, tuning.rank)
        if not self.adapters:
            raise InputError(f"the encoder {name} cannot learn along: its layers have no query and value")

    @property
    def identity(self) -> str:
        learned = sha256()
        for name, array in sorted(self.arrays().items()):
            learned.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return f"{self.base.identity} {learned.hexdigest()}"

    def fit(self, values: Sequence[str]) -> Self:
        return self

    def encode(self, values: Sequence[str]) -> FloatArray:
        return self.base.encode(values)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The adapters and nothing else."""
        return {name: value.detach().cpu().numpy() for name, value in self.adapters.state_dict().items()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        self.adapters.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
        return self


def _trainable(base: Encoder) -> Any:
    """The network of an encoder that computes in float32, None of any other."""
    network = base.network if isinstance(base, PretrainedText) else None
    return network.model if isinstance(network, Transformer) and network.model.dtype == torch.float32 else None


class LiveText:
    """What an encoder that learns along says of some texts by now: rows as of a matrix (n, K), with their gradients."""

    def __init__(self, encoder: TunedText, texts: Sequence[str], whitening: Whitening, device: torch.device) -> None:
        self._encoder, self._device, self.adapters = encoder, device, encoder.adapters
        encoder.model.to(device)
        self._mean, self._turn = (torch.from_numpy(part).to(device) for part in (whitening.mean, whitening.turn))
        self._said = torch.tensor([bool(text.strip()) for text in texts], device=device)
        self._lengths = torch.zeros(len(texts), dtype=torch.long)
        self._hidden: list[Tensor] = [torch.empty(0)] * len(texts)  # (T_i, H) each, what the layers below say
        tokens = encoder.base.tokens(texts)
        order = sorted(range(len(texts)), key=lambda row: len(tokens[row]))
        with torch.no_grad():
            for start in range(0, len(order), AT_ONCE):
                self._read(order[start : start + AT_ONCE], tokens)

    def release(self) -> None:
        """Back to where encoders read."""
        self._encoder.model.to("cpu")

    def _read(self, rows: list[int], tokens: list[list[int]]) -> None:
        ids, real = (part.to(self._device) for part in self._encoder.base.padded([tokens[row] for row in rows]))
        hidden, mask = self._encoder.model.embeddings(input_ids=ids), _mask(real)
        for layer in self._encoder.below:
            hidden = layer(hidden, mask)
        for row, vectors in zip(rows, hidden, strict=True):
            self._lengths[row] = len(tokens[row])
            self._hidden[row] = vectors[: len(tokens[row])].clone()

    def __getitem__(self, places: Tensor) -> Tensor:
        """(n, K) of the texts at `places` (n,), 0 for an empty one."""
        rows = places.cpu()
        order = torch.argsort(self._lengths[rows], stable=True)  # texts of about one length go together
        parts = [self._through(rows[some]) for some in torch.split(order, AT_ONCE)]
        vectors = torch.cat(parts)[torch.argsort(order).to(self._device)]
        found = (functional.normalize(vectors, dim=1) - self._mean) @ self._turn
        return found * self._said[places][:, None]

    def _through(self, rows: Tensor) -> Tensor:
        """The layers that learn, (b, H)."""
        hidden = nn.utils.rnn.pad_sequence([self._hidden[row] for row in rows.tolist()], batch_first=True)
        real = (torch.arange(hidden.shape[1]) < self._lengths[rows][:, None]).to(self._device)
        mask = _mask(real)
        for layer in self._encoder.above:
            hidden = layer(hidden, mask)
        return pooled(hidden, real.long(), self._encoder.base.reading.pooling)


def _mask(real: Tensor) -> Tensor:
    """What is added to the attention of each token to each other, (b, 1, T, T)."""
    there = real[:, None, None, :].bool().expand(-1, 1, real.shape[1], -1)
    return torch.zeros(there.shape, device=real.device).masked_fill(~there, torch.finfo(torch.float32).min)
