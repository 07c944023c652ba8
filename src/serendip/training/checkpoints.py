"""Checkpoints: all that a course needs to go on, in one file, without pickle."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from serendip.errors import DamagedArtifactError

NUMBERS = ("epoch", "losses", "grades", "since_best")


@dataclass
class State:
    """Where a course stands after some epochs."""

    net: nn.Module
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    losses: list[float] = field(default_factory=list)
    grades: list[float] = field(default_factory=list)
    since_best: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    """The weights of the best grade so far; empty before the first."""
    average_of: dict[str, Tensor] = field(default_factory=dict)
    """The moving average of the weights, where one is kept."""

    @classmethod
    def fresh(cls, net: nn.Module, optimizer: Callable[..., torch.optim.Optimizer], **settings: Any) -> State:
        return cls(net, optimizer([weight for weight in net.parameters() if weight.requires_grad], **settings))

    def average(self, kept: float) -> None:
        """One step of the moving average; the first steps count for more, so that it does not start at nothing."""
        if not kept:
            return
        if not self.average_of:
            self.average_of = _copy(self.net)
        own = [value for value in self.net.state_dict().values() if value.is_floating_point()]
        means = [value for value in self.average_of.values() if value.is_floating_point()]
        torch._foreach_lerp_(means, own, 1 - kept)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within, the network has the averaged weights, where an average is kept."""
        if not self.average_of:
            yield
            return
        own = _copy(self.net)
        self.net.load_state_dict(self.average_of)
        try:
            yield
        finally:
            self.net.load_state_dict(own)

    def graded(self, grade: float) -> None:
        """Take note of a grade, and of the weights if none was better."""
        better = not self.grades or grade > max(self.grades)
        self.grades.append(grade)
        self.since_best = 0 if better else self.since_best + 1
        if better:
            self.best = {name: value.clone() for name, value in (self.average_of or _copy(self.net)).items()}

    def restore_best(self) -> None:
        """Leave the best weights in the network; without a grade the averaged, else those it has."""
        if kept := self.best or self.average_of:
            self.net.load_state_dict(kept)


@dataclass(frozen=True)
class Checkpoint:
    """One file that holds the state of one course; without a file, nothing is kept."""

    file: Path | None
    course: str
    """What is taught, in what steps, with which seed, by hash: another course never goes on from this one."""

    @classmethod
    def at(cls, folder: Path | None, label: str, course: object) -> Checkpoint:
        name = re.sub(r"[^a-z0-9]+", "_", label.lower())
        return cls(folder and folder / f"{name}.safetensors", sha256(repr(course).encode()).hexdigest())

    def keep(self, state: State) -> None:
        """Write all of it beside what is there, and only then put it in its place."""
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(f".{os.getpid()}")
        numbers = {name: getattr(state, name) for name in NUMBERS}
        save_file(_tensors(state), draft, {"course": self.course, "numbers": json.dumps(numbers)})
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        draft.replace(self.file)

    def resume(self, state: State) -> None:
        """Put `state` where the course that is kept here stood; it stays as it is where there is none of this kind.

        Raises:
            DamagedArtifactError: what is kept cannot be read.
        """
        if self.file is None or not self.file.is_file():
            return
        try:
            with safe_open(self.file, "pt") as opened:
                said = opened.metadata()
            if said["course"] != self.course:
                return
            _restore(state, load_file(self.file), json.loads(said["numbers"]))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError, RuntimeError) as error:
            why = f"the checkpoint {self.file} cannot be read: {error}"
            raise DamagedArtifactError(f"{why}; delete it to start anew") from None

    def forget(self) -> None:
        """The course is over."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


def _copy(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _tensors(state: State) -> dict[str, Tensor]:
    moments = {
        f"optimizer.{place}.{name}": torch.as_tensor(value)
        for place, moments in state.optimizer.state_dict()["state"].items()
        for name, value in moments.items()
    }
    kept = {"net": _copy(state.net), "best": state.best, "average": state.average_of}
    weights = {f"{part}.{name}": value for part, table in kept.items() for name, value in table.items()}
    return {name: value.clone().contiguous() for name, value in (moments | weights).items()}


def _restore(state: State, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    def part(name: str) -> dict[str, Tensor]:
        return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}

    state.net.load_state_dict(part("net"))
    state.best, state.average_of = part("best"), part("average")
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in part("optimizer").items():
        place, _, name = key.partition(".")
        moments.setdefault(int(place), {})[name] = value
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    for name in NUMBERS:
        setattr(state, name, numbers[name])
