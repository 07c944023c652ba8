"""Readers: what a sequential model is taught and how it is asked, whatever its encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions, negatives
from serendip.training.readers import NextItemLesson, Reader, ReaderConfig, Taught
from serendip.training.sequences import Batch, Sequences

CPU = torch.device("cpu")


class Mean(nn.Module):
    """An encoder that can be computed by hand: the mean of what came so far."""

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        counts = torch.arange(1, x.shape[1] + 1)[:, None]
        return x.cumsum(1) / counts

    def last(self, x: Tensor, batch: Batch) -> Tensor:
        return self(x, batch)[torch.arange(len(x)), batch.lengths - 1]


def steps(n_people: int = 60, n_items: int = 12, length: int = 6) -> Dataset:
    """Everybody walks around a circle of items, from a place of their own."""
    generator = np.random.default_rng(0)
    starts = generator.integers(0, n_items, n_people)
    rows = [
        (f"u{u:02}", f"i{(start + step) % n_items:02}", step)
        for u, start in enumerate(starts)
        for step in range(length)
    ]
    users, items, times = zip(*rows, strict=True)
    frame = {"user_id": users, "item_id": items, "type": ["like"] * len(rows), "time_ms": [1 + time for time in times]}
    return Dataset.from_tables(Tables(event_frame(frame)))


def lesson(config: ReaderConfig, sequences: Sequences, n_items: int, sampler: negatives.Sampler) -> NextItemLesson:
    torch.manual_seed(0)
    net = Reader(n_items, config, Mean())
    return NextItemLesson(net, sequences, config, sampler, CPU, sequences[:0], None)


def queries(*histories: list[int]) -> Queries:
    return Queries.of_histories([(np.array(h, np.int32), np.arange(len(h)), np.ones(len(h))) for h in histories])


def test_every_position_is_asked_for_what_follows_it() -> None:
    config = ReaderConfig(embedding_size=4, dropout=0.0)
    sequences = Sequences.of(queries([0, 1, 2], [3, 4]), np.arange(5))
    taught = lesson(config, sequences, 5, negatives.everything(5))
    loss = float(taught.loss((sequences, np.random.default_rng(0))))
    table = taught.net.items.weight
    pairs = [(table[[0]].mean(0), 1), (table[[0, 1]].mean(0), 2), (table[[3]].mean(0), 4)]
    expected = torch.stack([nn.functional.cross_entropy(table @ past, torch.tensor(right)) for past, right in pairs])
    assert loss == pytest.approx(float(expected.mean()), abs=1e-5)


def test_with_a_temperature_scores_are_cosines_divided_by_it() -> None:
    config = ReaderConfig(embedding_size=4, dropout=0.0, temperature=0.1)
    sequences = Sequences.of(queries([0, 1]), np.arange(3))
    taught = lesson(config, sequences, 3, negatives.everything(3))
    table = nn.functional.normalize(taught.net.items.weight, dim=1)
    expected = nn.functional.cross_entropy(table @ table[0] / 0.1, torch.tensor(1))
    assert float(taught.loss((sequences, np.random.default_rng(0)))) == pytest.approx(float(expected), abs=1e-5)


def test_an_epoch_shows_every_event_that_follows_another_once() -> None:
    config = ReaderConfig(embedding_size=4, max_history=200)
    sequences = Sequences.of(queries([0, 1, 2], [3, 4], [1], [], [4, 3, 2, 1, 0]), np.arange(5))
    taught = lesson(config, sequences, 5, negatives.everything(5))
    shown = [part for part, _ in taught.batches(np.random.default_rng(0))]
    assert sorted(map(tuple, (list(part.places) for parts in shown for part in parts_of(parts)))) == [
        (0, 1, 2),
        (3, 4),
        (4, 3, 2, 1, 0),
    ]


def parts_of(sequences: Sequences) -> list[Sequences]:
    return [sequences[np.array([place])] for place in range(len(sequences))]


def test_long_histories_are_shown_through_a_window_that_moves() -> None:
    config = ReaderConfig(embedding_size=4, max_history=3)
    sequences = Sequences.of(queries(list(range(12))), np.arange(12))
    taught = lesson(config, sequences, 12, negatives.everything(12))
    generator = np.random.default_rng(0)
    starts = set()
    for _ in range(50):
        ((part, _),) = taught.batches(generator)
        np.testing.assert_array_equal(part.places, part.places[0] + np.arange(4))
        starts.add(int(part.places[0]))
    assert starts == set(range(9))


def test_what_follows_is_learned_in_order_and_asked_from_a_history() -> None:
    data = steps()
    config = ReaderConfig(embedding_size=16, dropout=0.0, learning_rate=0.02, epochs=40, patience=0)

    class Newest(Mean):
        def forward(self, x: Tensor, batch: Batch) -> Tensor:
            return self.turn(x)

        def __init__(self) -> None:
            super().__init__()
            self.turn = nn.Linear(16, 16)

    def build(n_items: int) -> Reader:
        return Reader(n_items, config, Newest())

    taught = Taught.by(build, data, config, FitOptions(seed=1, threads=1), "circle")
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(12)])
    asked = Queries.of_histories([(np.array([row]), np.zeros(1), np.ones(1)) for row in rows])
    np.testing.assert_array_equal(taught.score(asked).argmax(1), np.roll(rows, -1))
    again = Taught.restored(build, taught.weights(), config)
    np.testing.assert_array_equal(again.score(asked), taught.score(asked))


def test_only_the_newest_events_of_a_history_are_read() -> None:
    config = ReaderConfig(embedding_size=4, max_history=2, epochs=1, patience=0)
    taught = Taught.by(lambda n: Reader(n, config, Mean()), steps(), config, FitOptions(threads=1), "short")
    long, short, other = taught.score(queries([1, 2, 3, 4], [3, 4], [2, 4]))
    np.testing.assert_allclose(long, short, atol=1e-6)
    assert not np.allclose(long, other, atol=1e-6)
