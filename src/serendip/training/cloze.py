"""Cloze: readers that are taught what stood at places left blank, with all that stands before and after.

A reader of this kind may look both ways. It is asked for what comes next with a blank at the end of the history. Taught
in the middle alone it would hardly ever have seen one there, so some histories lose their last event and nothing else.
Sun, Liu, Wu, Pei, Lin, Ou and Jiang, "BERT4Rec: sequential recommendation with bidirectional encoder representations
from Transformer", CIKM 2019, section 3.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.data.arrays import BoolArray
from serendip.training.readers import FEWEST_STEPS, NextItemLesson, Reader, ReaderConfig
from serendip.training.sequences import Batch, Sequences, budgeted
from serendip.training.settings import Search


class ClozeConfig(ReaderConfig):
    """What all readers of blanks have in common."""

    masked: Annotated[float, Search(0.1, 0.6)] = Field(0.2, gt=0, lt=1)
    """Share of the events of a history that are left blank while learning."""
    ending: Annotated[float, Search(0.05, 0.5)] = Field(0.3, ge=0, le=1)
    """Share of the histories of an epoch that lose their last event and nothing else."""


class ClozeReader(Reader):
    """A reader that knows a vector for what is left blank."""

    def __init__(self, n_items: int, config: ClozeConfig, encoder: nn.Module) -> None:
        super().__init__(n_items, config, encoder)
        self.blank = nn.Parameter(torch.randn(config.embedding_size) * config.embedding_size**-0.5)

    def filled(self, batch: Batch, blanks: Tensor) -> Tensor:
        """What is expected at each position, (B, T, D), where those of `blanks` (B, T) bool are not known."""
        found: Tensor = self.encoder(self.dropout(self._with(batch, blanks)), batch)
        return self._scaled(found)

    def last(self, batch: Batch) -> Tensor:
        """What is expected after the last position, (B, D)."""
        longer = _with_room(batch)
        blanks = torch.zeros_like(longer.real).scatter(1, longer.lengths[:, None] - 1, True)
        found: Tensor = self.encoder.last(self._with(longer, blanks), longer)  # type: ignore[operator]
        return self._scaled(found)

    def _with(self, batch: Batch, blanks: Tensor) -> Tensor:
        return torch.where(blanks[..., None], self.blank, self.items(batch.places))


def _with_room(batch: Batch) -> Batch:
    """The same sequences with one position more each."""
    places, times, until = (functional.pad(part, (0, 1)) for part in (batch.places, batch.times_ms, batch.until_ms))
    positions = torch.arange(places.shape[1], device=places.device)
    return Batch(places, times, until, positions <= batch.lengths[:, None], batch.lengths + 1)


@dataclass(frozen=True, eq=False)
class ClozeLesson(NextItemLesson):
    """What stood at the blanks of each history, told apart from candidates shared by the batch."""

    net: ClozeReader
    config: ClozeConfig

    def batches(self, generator: np.random.Generator) -> Iterable[tuple[Sequences, np.random.Generator]]:
        windows = self.windows(generator)
        tokens = min(self.config.batch_size, len(windows.places) // FEWEST_STEPS)
        for members in budgeted(windows.lengths, tokens, generator):
            yield windows[members], generator

    def loss(self, batch: tuple[Sequences, np.random.Generator]) -> Tensor:
        sequences, generator = batch
        left_out = blanks(sequences, self.config, generator)  # (E,)
        inputs = sequences.batch(self.device)
        spread = torch.zeros_like(inputs.real)
        spread[inputs.real] = self._on(left_out)  # (B, T)
        return self.told_apart(self.net.filled(inputs, spread)[spread], sequences.places[left_out], generator)


def blanks(sequences: Sequences, config: ClozeConfig, generator: np.random.Generator) -> BoolArray:
    """Which events are left blank, (E,) bool: some of each sequence at random, or its last; at least one."""
    chosen = generator.random(len(sequences.places)) < config.masked
    ending = generator.random(len(sequences)) < config.ending
    chosen[np.repeat(ending, sequences.lengths)] = False
    ending |= np.add.reduceat(chosen, sequences.offsets[:-1], dtype=np.int64) == 0
    chosen[sequences.offsets[1:][ending] - 1] = True
    return chosen
