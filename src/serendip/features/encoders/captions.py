"""Captions: words to vectors in the space of pictures, by the tower of texts that CLIP and SigLIP bring.

Such a model was taught which words stand beside which pictures, so the nearest pictures are those of what is said, even
where nothing else is known of them. Words are prepared as it was taught with: CLIP's padded to the longest, SigLIP's to
all positions that there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer

from serendip.data.arrays import FloatArray
from serendip.features.directions import unit

TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "spiece.model")
AT_ONCE = 64


class Captions:
    """The tower of texts of a model that has one, and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._longest = int(model.config.text_config.max_position_embeddings)
        self._projected = hasattr(model, "text_projection")

    @classmethod
    def of(cls, model: Any, folder: Path) -> Self | None:
        """Of a model in a folder; None where it has no such tower, or the folder no tokenizer."""
        if not hasattr(model, "text_model") or not any((folder / name).is_file() for name in TOKENIZERS):
            return None
        return cls(model, AutoTokenizer.from_pretrained(folder, local_files_only=True))

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> FloatArray:
        """(n, D) float32 of length 1."""
        parts = [self._vectors(texts[start : start + AT_ONCE]) for start in range(0, len(texts), AT_ONCE)]
        return unit(torch.cat(parts).float().numpy()) if parts else np.empty((0, 1), np.float32)

    def _vectors(self, texts: Sequence[str]) -> Tensor:
        padding = True if self._projected else "max_length"
        names = ("input_ids", "attention_mask") if self._projected else ("input_ids",)
        told = self._tokenizer(
            list(texts), padding=padding, truncation=True, max_length=self._longest, return_tensors="pt"
        )
        read = self._model.text_model(**{name: told[name] for name in names}).pooler_output
        vectors: Tensor = self._model.text_projection(read) if self._projected else read
        return vectors
