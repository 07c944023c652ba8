"""Quantised: the same Transformer with weights of eight bits, run by ONNX Runtime.

Each row of a matrix of weights is kept as integers and one scale; what goes through is made eight bits as it comes, by
the range of all that is read at once, so that what is said of a text depends a little on what it is read with. The
converted network is kept in the user's folder for caches, under the hash of what it was made from, and made once.
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
    from onnxruntime.quantization import QuantType, quantize_dynamic

    file = cache_folder() / f"{digest}.int8.onnx"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=file.parent) as work, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what tracing cannot know
            plain, small = Path(work) / "plain.onnx", Path(work) / "small.onnx"
            _export(folder, plain)
            quantize_dynamic(plain, small, weight_type=QuantType.QInt8, per_channel=True)
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
