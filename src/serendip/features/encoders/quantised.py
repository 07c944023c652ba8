"""Quantised: the same Transformer with weights of eight bits, run by ONNX Runtime.

How numbers are rounded is told in `encoders.eight_bits`. The converted network is kept in the user's folder for caches,
under the hash of what it was made from and of how, and made once.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel

from serendip.errors import InputError

OPSET = 17
ROUNDING = "rows"
"""How it is rounded: part of the name of the kept file and of what an encoder is known by, new when that changes."""


def network(folder: Path, digest: str) -> tuple[Any, int]:
    """From tokens (b, T) and which are real (b, T) to vectors (b, T, D); and D.

    Raises:
        InputError: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise InputError(f"precision int8 needs the package {error.name}: install serendip[quantised]") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(_converted(folder, digest)), options, providers=["CPUExecutionProvider"])
    width = int(session.get_outputs()[0].shape[2])

    def run(tokens: Tensor, real: Tensor) -> Tensor:
        given = {"tokens": tokens.numpy().astype(np.int64), "real": real.numpy().astype(np.int64)}
        return torch.from_numpy(session.run(None, given)[0])

    return run, width


def cache_folder() -> Path:
    """The user's folder for caches: `XDG_CACHE_HOME` or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "serendip" / "encoders"


def _converted(folder: Path, digest: str) -> Path:
    """The file of the converted network, which is made where there is none."""
    from serendip.features.encoders.eight_bits import rounded

    file = cache_folder() / f"{digest}.int8-{ROUNDING}.onnx"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=file.parent) as work, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what tracing cannot know
            plain, small = Path(work) / "plain.onnx", Path(work) / "small.onnx"
            _export(folder, plain)
            rounded(plain, small)
            small.replace(file)
    return file


class _Hidden(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        hidden: Tensor = self.model(input_ids=tokens, attention_mask=real).last_hidden_state
        return hidden


def _export(folder: Path, file: Path) -> None:
    model = AutoModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, attn_implementation="eager"
    ).eval()
    tokens = torch.ones(2, 7, dtype=torch.long)
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        _Hidden(model),
        (tokens, torch.ones_like(tokens)),
        str(file),
        input_names=["tokens", "real"],
        output_names=["hidden"],
        dynamic_axes={"tokens": axes, "real": axes, "hidden": axes},
        opset_version=OPSET,
        dynamo=False,
    )
