"""Cloze: what is left blank, what is learned from it, and that a question is a blank at the end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from serendip.training import negatives
from serendip.training.cloze import ClozeConfig, ClozeLesson, ClozeReader, blanks
from serendip.training.sequences import Batch, Sequences

CPU = torch.device("cpu")


class Around(nn.Module):
    """An encoder that can be computed by hand: the mean of all real positions, plus one's own."""

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        real = batch.real[..., None]
        return x + (x * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)

    def last(self, x: Tensor, batch: Batch) -> Tensor:
        return self(x, batch)[torch.arange(len(x)), batch.lengths - 1]


def sequences(*histories: list[int]) -> Sequences:
    lengths = [len(history) for history in histories]
    places = np.array([place for history in histories for place in history], np.int64)
    return Sequences(np.concatenate([[0], np.cumsum(lengths)]), places, np.zeros(len(places), np.int64))


def reader(config: ClozeConfig, n_items: int = 6) -> ClozeReader:
    torch.manual_seed(0)
    return ClozeReader(n_items, config, Around())


def lesson(config: ClozeConfig, taught: Sequences, n_items: int = 6) -> ClozeLesson:
    sampler = negatives.everything(n_items)
    return ClozeLesson(reader(config, n_items), taught, config, sampler, CPU, taught[np.array([], int)], None)


def test_some_events_are_left_blank_at_random_or_the_last_alone() -> None:
    taught = sequences(*[list(range(10))] * 3_000)
    chosen = blanks(taught, ClozeConfig(masked=0.3, ending=0.25), np.random.default_rng(0)).reshape(3_000, 10)
    assert chosen.any(1).all()
    alone = (chosen.sum(1) == 1) & chosen[:, -1]
    # Beside those that lose their last on purpose, some do by chance, or because nothing was drawn.
    by_chance = 0.7**10 + 0.3 * 0.7**9
    assert alone.mean() == pytest.approx(0.25 + 0.75 * by_chance, abs=0.03)
    assert chosen[:, :-1].mean() == pytest.approx(0.75 * 0.3, abs=0.01)


def test_only_the_last_is_left_blank_where_that_is_asked_for() -> None:
    chosen = blanks(sequences([1, 2, 3], [4, 5]), ClozeConfig(ending=1.0), np.random.default_rng(0))
    assert chosen.tolist() == [False, False, True, False, True]


def test_what_stood_at_the_blank_is_told_apart_from_all_items() -> None:
    config = ClozeConfig(embedding_size=4, dropout=0.0, ending=1.0)
    taught = lesson(config, sequences([0, 1, 2], [3, 4]))
    table, blank = taught.net.items.weight, taught.net.blank
    expected = []
    for known, right in (([0, 1], 2), ([3], 4)):
        seen = torch.cat([table[known], blank[None]])
        expected.append(functional.cross_entropy(table @ (blank + seen.mean(0)), torch.tensor(right)))
    loss = taught.loss((taught.sequences, np.random.default_rng(0)))
    assert float(loss.detach()) == pytest.approx(float(torch.stack(expected).mean().detach()), abs=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert blank.grad is not None
    assert blank.grad.abs().sum() > 0


def test_a_question_is_a_blank_at_the_end() -> None:
    config = ClozeConfig(embedding_size=4)
    net = reader(config).eval()
    asked = sequences([0, 1, 2], [3], [5, 4]).batch(CPU)
    found = net.last(asked)
    for row, known in enumerate(([0, 1, 2], [3], [5, 4])):
        seen = torch.cat([net.items.weight[known], net.blank[None]])
        torch.testing.assert_close(found[row], net.blank + seen.mean(0))


def test_an_epoch_shows_every_history_of_two_events_or_more_once() -> None:
    config = ClozeConfig(embedding_size=4, max_history=3)
    taught = lesson(config, sequences([0, 1], [2], [], [0, 1, 2, 3, 4, 5]))
    parts = [part for part, _ in taught.batches(np.random.default_rng(0))]
    shown = sorted(tuple(part[np.array([place])].places) for part in parts for place in range(len(part)))
    assert len(shown) == 2
    assert (0, 1) in shown
    assert max(map(len, shown)) == 4  # as many as are read, and what follows


def test_the_same_generator_leaves_the_same_blank() -> None:
    taught = sequences(*[list(range(10))] * 20)
    first, again, other = (blanks(taught, ClozeConfig(), np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
