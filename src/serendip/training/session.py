"""How torch is set up for one piece of work, and put back afterwards: threads, random state, device, precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from serendip.errors import InputError
from serendip.training.options import FitOptions

FEW = 50_000
"""With fewer events to learn from, sharing out what a step computes takes longer than computing it."""


@contextmanager
def torch_session(options: FitOptions, events: int | None = None) -> Iterator[torch.device]:
    """The device to work on; within, torch keeps to the threads of `options` and draws numbers of its own.

    Args:
        events: How much there is to learn from: one thread does for less than `FEW`.

    Raises:
        InputError: the device is not there.
    """
    device = _device(options.device)
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1 if events is not None and events < FEW else options.n_threads)
    if options.precision == "mixed":
        torch.set_float32_matmul_precision("medium")  # products of large matrices in bfloat16, sums in float32
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(options.seed)
            yield device
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: this machine has no GPU that torch can use")
    return torch.device(name)
