"""The loop of all gradient models: epochs, validation, early stopping, the best weights, checkpoints, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from serendip.training.checkpoints import Checkpoint, State
from serendip.training.options import FitOptions

BETAS = (0.9, 0.98)
MOST_PULLED = 5.0
"""Gradients of a larger norm are shortened to it."""


@dataclass(frozen=True)
class Schedule:
    """How long is learned, and in what steps."""

    epochs: int
    """At most so many passes."""
    learning_rate: float
    """The largest: it is reached after `warmup` and falls to 0 along half a cosine, after the last of `epochs`."""
    patience: int = 0
    """Stop after so many epochs without a better examination; 0: never, and the last weights are kept."""
    weight_decay: float = 0.0
    """Share of each weight that is taken away per step, times the learning rate: AdamW."""
    warmup: float = 0.0
    """Share of all steps on which the learning rate grows from 0."""
    averaging: float = 0.0
    """Weights are examined and kept as a moving average, of which a step leaves this share; 0: as they are."""


class Lesson(Protocol):
    """What is taught: a network, what one step looks at, how wrong it is, and how good it is by now."""

    @property
    def net(self) -> nn.Module: ...

    def batches(self, generator: np.random.Generator) -> Iterable[Any]:
        """All that one epoch looks at; the same generator, the same batches."""
        ...

    def loss(self, batch: Any) -> Tensor:
        """A scalar to be made small. Weights that it does not reach stay as they are."""
        ...

    def examined(self) -> float | None:
        """How good the network is on what was withheld, larger is better; None: nothing was withheld."""
        ...


@dataclass(frozen=True)
class Course:
    """How it went."""

    losses: list[float] = field(default_factory=list)
    """The mean over the steps of each epoch."""
    grades: list[float] = field(default_factory=list)
    """What `examined` said after each."""


def learn(lesson: Lesson, schedule: Schedule, options: FitOptions, label: str, about: object = None) -> Course:
    """Teach until the epochs are over or nothing gets better, and leave the best weights in the network.

    Every epoch draws from generators of its own, made from the seed and its number, so that a course that was cut off
    and goes on from a checkpoint (`options.checkpoints`) ends with the same weights, to the last bit. `about` is
    whatever else makes the course what it is (settings, a digest of the data), by its `repr`: a checkpoint of another
    course is not gone on from.
    """
    state = State.fresh(lesson.net, torch.optim.AdamW, **_settings(schedule))
    checkpoint = Checkpoint.at(options.checkpoints, label, (schedule, options.seed, about))
    checkpoint.resume(state)
    while state.epoch < schedule.epochs and not _tired(state, schedule):
        _epoch(lesson, state, schedule, options, label)
        _examine(lesson, state, schedule)
        checkpoint.keep(state)
    state.restore_best()
    checkpoint.forget()
    options.progress(label, schedule.epochs, schedule.epochs)
    options.curve(label, state.losses, state.grades)
    return Course(state.losses, state.grades)


def _settings(schedule: Schedule) -> dict[str, Any]:
    return {"lr": schedule.learning_rate, "betas": BETAS, "weight_decay": schedule.weight_decay, "fused": True}


def _tired(state: State, schedule: Schedule) -> bool:
    return bool(schedule.patience) and state.since_best >= schedule.patience


def _epoch(lesson: Lesson, state: State, schedule: Schedule, options: FitOptions, label: str) -> None:
    generator = np.random.default_rng([options.seed, state.epoch])
    torch.manual_seed(int(generator.integers(1 << 62)))
    batches = list(lesson.batches(generator))
    lesson.net.train()
    total, started = torch.zeros(()), time.perf_counter()
    for done, batch in enumerate(batches):
        _pace(state.optimizer, schedule, state.epoch + done / len(batches))
        state.optimizer.zero_grad(set_to_none=True)
        loss = lesson.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(state.taught, MOST_PULLED)
        state.optimizer.step()
        state.average(schedule.averaging)
        total += loss.detach().cpu()
        _tell(options, f"{label}: loss {float(total) / (done + 1):.3f}", state.epoch, schedule, done, started, batches)
    state.losses.append(float(total) / max(1, len(batches)))
    state.epoch += 1


def _tell(
    options: FitOptions, label: str, epoch: int, schedule: Schedule, done: int, started: float, batches: list[Any]
) -> None:
    rate = (done + 1) / (time.perf_counter() - started)
    options.progress(f"{label}, {rate:,.0f} steps/s", epoch * len(batches) + done, schedule.epochs * len(batches))


def _pace(optimizer: torch.optim.Optimizer, schedule: Schedule, epoch: float) -> None:
    """The learning rate at this point of the course."""
    done = epoch / schedule.epochs
    share = 0.5 * (1 + math.cos(math.pi * done))
    if done < schedule.warmup:
        share *= done / schedule.warmup
    for group in optimizer.param_groups:
        group["lr"] = schedule.learning_rate * share


def _examine(lesson: Lesson, state: State, schedule: Schedule) -> None:
    if not schedule.patience:
        return
    lesson.net.eval()
    with state.averaged(), torch.inference_mode():
        grade = lesson.examined()
    if grade is not None:
        state.graded(grade)
