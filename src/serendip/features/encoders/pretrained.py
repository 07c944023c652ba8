"""Pretrained: texts to vectors by a Transformer that was taught elsewhere.

A folder holds config.json, weights as safetensors (never pickled ones) and a tokenizer. Where it comes from
sentence-transformers it also says how the vectors of its tokens become one (their mean, the first, or the last), how
much of a text is read, and whether an instruction stands before it; otherwise the mean of a text cut at 256 tokens.

Texts of about one length are read together, as many as `TOKENS` allow, so that hardly anything is padded: Transformers
cost what the longest of a batch costs.

The network computes in float32, in bfloat16, or with weights of eight bits in ONNX Runtime (`encoders.quantised`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from serendip.data.arrays import FloatArray
from serendip.errors import InputError
from serendip.features.directions import unit
from serendip.features.encoders.base import Precision
from serendip.features.encoders.folders import digest_of, first_line, said_in

LONGEST = 256
"""Tokens of a text that are read, where the folder does not say."""
TOKENS = 8_192
"""Tokens that are read at once, padding included."""
SHORTEST = "."
"""What an empty text would be read as; it becomes a row of zeros."""

Pooling = Literal["mean", "first", "last"]
Network = Callable[[Tensor, Tensor], Tensor]
"""From tokens (b, T) and which of them are real (b, T) to vectors of all (b, T, D) float32."""


@dataclass(frozen=True)
class Reading:
    """How texts are read."""

    pooling: Pooling = "mean"
    longest: int = LONGEST
    prefix: str = ""
    """Stands before each text."""

    @classmethod
    def of(cls, folder: Path) -> Reading:
        """As a folder of sentence-transformers says, or as usual."""
        pooling = said_in(folder / "1_Pooling" / "config.json")
        longest = said_in(folder / "sentence_bert_config.json").get("max_seq_length") or LONGEST
        settings = said_in(folder / "config_sentence_transformers.json")
        prefix = (settings.get("prompts") or {}).get(settings.get("default_prompt_name") or "", "")
        kind: Pooling = "mean"
        if pooling.get("pooling_mode_cls_token") or pooling.get("pooling_mode") == "cls":
            kind = "first"
        if pooling.get("pooling_mode_lasttoken") or pooling.get("pooling_mode") == "lasttoken":
            kind = "last"
        return cls(kind, int(longest), prefix)


class Transformer:
    """A network of transformers as a `Network`."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, tokens: Tensor, real: Tensor) -> Tensor:
        hidden: Tensor = self.model(input_ids=tokens, attention_mask=real).last_hidden_state
        return hidden.to(torch.float32)


class PretrainedText:
    """A Transformer, its tokenizer, and how texts are read."""

    def __init__(self, network: Network, width: int, tokenizer: Any, reading: Reading, identity: str) -> None:
        self.network, self._width, self._tokenizer, self.reading = network, width, tokenizer, reading
        self._identity = identity

    @classmethod
    def load(cls, folder: Path, precision: Precision = "float32", reading: Reading | None = None) -> Self:
        """From a folder.

        Raises:
            InputError: a file is missing or cannot be read; the message names the folder.
        """
        if not (folder / "config.json").is_file():
            raise InputError(f"{folder} is no folder of an encoder: config.json is missing")
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise InputError(f"{folder} holds no weights as safetensors; pickled ones are not read")
        digest = digest_of([folder / "config.json", *weights])
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            network, width, computes = _network(folder, precision, digest)
        except InputError:
            raise
        except Exception as error:  # whatever a damaged folder provokes inside the library
            raise InputError(f"the encoder in {folder} cannot be read: {first_line(error)}") from None
        reading = reading or Reading.of(folder)
        return cls(network, width, tokenizer, reading, f"{folder.name} {digest} {computes} {reading}")

    @property
    def identity(self) -> str:
        return self._identity

    def fit(self, values: Sequence[str]) -> Self:
        return self

    def encode(self, values: Sequence[str]) -> FloatArray:
        said = np.array([bool(text.strip()) for text in values], bool)
        vectors = np.zeros((len(values), self._width), np.float32)
        for members in self._batches(values):
            rows = [row for row, _ in members]
            vectors[rows] = self._vectors([tokens for _, tokens in members]).numpy()
        return unit(vectors * said[:, None])

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Self:
        return self

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """What the network reads of each text; of an empty one `SHORTEST`."""
        prefixed = [self.reading.prefix + (text if text.strip() else SHORTEST) for text in texts]
        found = self._tokenizer(prefixed, truncation=True, max_length=self.reading.longest) if texts else {}
        return list(found.get("input_ids", []))

    def padded(self, tokens: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Tokens (b, T) and which of them are real (b, T)."""
        batch = self._tokenizer.pad({"input_ids": tokens}, return_tensors="pt")
        return batch["input_ids"], batch["attention_mask"]

    def _batches(self, texts: Sequence[str]) -> Iterator[list[tuple[int, list[int]]]]:
        """Texts that are read together, each with its row; short ones first."""
        order = sorted(enumerate(self.tokens(texts)), key=lambda one: len(one[1]))
        start = 0
        for end in range(1, len(order) + 1):
            if end == len(order) or (end + 1 - start) * len(order[end][1]) > TOKENS:
                yield order[start:end]
                start = end

    @torch.inference_mode()
    def _vectors(self, tokens: list[list[int]]) -> Tensor:
        """(b, D) of texts as tokens."""
        batch, real = self.padded(tokens)
        return pooled(self.network(batch, real), real, self.reading.pooling)


def pooled(hidden: Tensor, real: Tensor, pooling: Pooling) -> Tensor:
    """One vector for each text, (b, D), of those of its tokens (b, T, D) that are real (b, T)."""
    if pooling == "mean":
        mean: Tensor = (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)
        return mean
    if pooling == "first":
        return hidden[:, 0]
    last = (real * torch.arange(1, real.shape[1] + 1, device=real.device)).argmax(1)
    return hidden[torch.arange(len(hidden), device=real.device), last]


def _network(folder: Path, precision: Precision, digest: str) -> tuple[Network, int, str]:
    """And the width of its vectors, and how they are computed, by which they are told from others."""
    if precision == "int8":
        from serendip.features.encoders import quantised

        return *quantised.network(folder, digest), f"{precision}-{quantised.ROUNDING}"
    model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    model = model.to(getattr(torch, precision))
    return Transformer(model), int(model.config.hidden_size), precision
