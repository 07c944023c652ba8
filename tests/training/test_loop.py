"""The loop: when it stops, which weights it leaves, in what steps it learns, and what it says meanwhile."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from serendip.training import FitOptions
from serendip.training.loop import Course, Schedule, learn
from serendip.training.session import torch_session
from tests.training.lessons import Lesson, fresh, same, weights_of

OPTIONS = FitOptions(seed=3, threads=1)


def taught(lesson: Lesson, schedule: Schedule, options: FitOptions = OPTIONS) -> Course:
    with torch_session(options):
        return learn(lesson, schedule, options, "Line")


def test_learning_makes_the_loss_small() -> None:
    course = taught(fresh(OPTIONS), Schedule(40, 0.05))
    assert len(course.losses) == 40
    assert course.losses[-1] < course.losses[0] / 4
    assert course.grades == []


def test_it_stops_where_nothing_gets_better_and_leaves_the_best_weights() -> None:
    lesson = fresh(OPTIONS, grades=[0.1, 0.5, 0.4, 0.5, 0.9])
    course = taught(lesson, Schedule(20, 0.05, patience=2))
    assert course.grades == [0.1, 0.5, 0.4, 0.5]
    assert same(weights_of(lesson.net), lesson.seen[1])
    assert not same(lesson.seen[1], lesson.seen[3])


def test_without_patience_the_last_weights_are_left() -> None:
    lesson = fresh(OPTIONS)
    begun: list[dict[str, Tensor]] = []
    batches = lesson.batches

    def listening(generator: np.random.Generator) -> object:
        begun.append(weights_of(lesson.net))
        return batches(generator)

    lesson.batches = listening  # type: ignore[method-assign]
    taught(lesson, Schedule(5, 0.05))
    assert lesson.seen == []
    assert len(begun) == 5
    assert not same(weights_of(lesson.net), begun[-1])


def test_nothing_withheld_is_no_grade() -> None:
    class Ungraded(Lesson):
        def examined(self) -> float | None:
            return None

    with torch_session(OPTIONS):
        lesson = Ungraded()
    assert taught(lesson, Schedule(4, 0.05, patience=1)).grades == []
    assert lesson.n_epochs == 4


def test_it_is_examined_as_it_answers_and_learns_with_what_is_left_out() -> None:
    modes: list[bool] = []

    class Watched(Lesson):
        def examined(self) -> float | None:
            modes.append(self.net.training)
            return super().examined()

        def loss(self, batch: object) -> Tensor:
            modes.append(self.net.training)
            return super().loss(batch)  # type: ignore[arg-type]

    with torch_session(OPTIONS):
        lesson = Watched()
    taught(lesson, Schedule(2, 0.05, patience=5))
    assert modes == [True] * 4 + [False] + [True] * 4 + [False]


def after_each_step(lesson: Lesson, schedule: Schedule) -> list[dict[str, Tensor]]:
    found: list[dict[str, Tensor]] = []
    taught(lesson, schedule, replace(OPTIONS, progress=lambda *words: found.append(weights_of(lesson.net))))
    return found[:-1]  # the last word comes after the end


def test_the_averaged_weights_are_a_moving_average_over_steps() -> None:
    lesson = fresh(OPTIONS)
    first, *steps = after_each_step(lesson, Schedule(3, 0.05, averaging=0.8))
    assert len(steps) == 11
    expected = first
    for step in steps:
        expected = {name: 0.8 * expected[name] + 0.2 * step[name] for name in expected}
    for name, value in lesson.net.state_dict().items():
        torch.testing.assert_close(value, expected[name], atol=1e-6, rtol=1e-5)
    assert not torch.allclose(expected["0.weight"], steps[-1]["0.weight"], atol=1e-3)


def test_the_average_is_what_is_examined_and_not_what_learns() -> None:
    averaged, plain = fresh(OPTIONS), fresh(OPTIONS)
    steps = after_each_step(averaged, Schedule(3, 0.05, patience=5, averaging=0.8))
    without = after_each_step(plain, Schedule(3, 0.05, patience=5))
    assert all(same(one, other) for one, other in zip(steps, without, strict=True))
    assert not same(averaged.seen[0], plain.seen[0])


class Downhill:
    """A loss with the slope 1: each step of AdamW is as long as the learning rate."""

    def __init__(self) -> None:
        self.net = nn.Linear(1, 1, bias=False)

    def batches(self, generator: np.random.Generator) -> Iterable[int]:
        return range(5)

    def loss(self, batch: int) -> Tensor:
        return self.net.weight.sum()

    def examined(self) -> float | None:
        return None


def steps_of(schedule: Schedule) -> list[float]:
    lesson, found = Downhill(), [0.0]
    found[0] = float(lesson.net.weight.detach())
    options = replace(OPTIONS, progress=lambda *words: found.append(float(lesson.net.weight.detach())))
    with torch_session(options):
        learn(lesson, schedule, options, "Downhill")
    return (-np.diff(found[:-1])).tolist()


def test_the_learning_rate_grows_at_first_and_then_falls_along_a_cosine() -> None:
    done = np.arange(20) / 20
    expected = 0.1 * 0.5 * (1 + np.cos(math.pi * done)) * np.minimum(1, done / 0.2)
    assert steps_of(Schedule(4, 0.1, warmup=0.2)) == pytest.approx(expected.tolist(), abs=1e-5)


def test_weight_decay_takes_its_share_of_each_weight() -> None:
    lesson, other = Downhill(), Downhill()
    with torch.no_grad():
        for one in (lesson, other):
            one.net.weight.fill_(2.0)
    with torch_session(OPTIONS):
        learn(lesson, Schedule(1, 0.1, weight_decay=0.5), OPTIONS, "Downhill")
    weight = 2.0
    for step in range(5):
        rate = 0.1 * 0.5 * (1 + math.cos(math.pi * step / 5))
        weight = weight * (1 - rate * 0.5) - rate
    assert float(lesson.net.weight.detach()) == pytest.approx(weight, abs=1e-5)


def test_large_gradients_are_shortened() -> None:
    class Steep(Downhill):
        def loss(self, batch: int) -> Tensor:
            return 1e6 * self.net.weight.sum()

    lesson = Steep()
    with torch_session(OPTIONS):
        learn(lesson, Schedule(1, 0.1), OPTIONS, "Steep")
    assert lesson.net.weight.grad is not None
    assert float(lesson.net.weight.grad.norm()) == pytest.approx(5.0, rel=1e-4)


def test_progress_says_the_loss_and_the_rate_and_counts_all_steps() -> None:
    told: list[tuple[str, int, int]] = []
    taught(fresh(OPTIONS), Schedule(3, 0.05), replace(OPTIONS, progress=lambda *words: told.append(words)))
    assert [done for _, done, _ in told] == [*range(12), 3]
    assert {total for _, _, total in told[:-1]} == {12}
    assert told[-1] == ("Line", 3, 3)
    assert all(re.fullmatch(r"Line: loss \d+\.\d{3}, [\d,]+ steps/s", label) for label, _, _ in told[:-1])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    schedule, other = Schedule(5, 0.05, patience=9), replace(OPTIONS, seed=4)
    one, again, different = fresh(OPTIONS), fresh(OPTIONS), fresh(other)
    taught(one, schedule)
    torch.rand(10)  # the global state is nothing to it
    taught(again, schedule)
    taught(different, schedule, other)
    assert same(weights_of(one.net), weights_of(again.net))
    assert not same(weights_of(one.net), weights_of(different.net))


def test_threads_hardly_change_the_weights() -> None:
    two = replace(OPTIONS, threads=2)
    one, other = fresh(OPTIONS, width=400), fresh(two, width=400)
    taught(one, Schedule(10, 0.01))
    taught(other, Schedule(10, 0.01), two)
    for name, value in one.net.state_dict().items():
        torch.testing.assert_close(value, other.net.state_dict()[name], atol=1e-4, rtol=0)
