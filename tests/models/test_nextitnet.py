"""NextItNet: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models.nextitnet import NextItNet, NextItNetConfig
from serendip.training import FitOptions
from serendip.training.sequences import Sequences

OPTIONS = FitOptions(seed=3, threads=1)
N_ITEMS = 20


def echoes(n_people: int = 200, length: int = 12, back: int = 3) -> Dataset:
    """What comes next is said by the item three before it, and by nothing else."""
    generator = np.random.default_rng(5)
    items = np.empty((n_people, length), int)
    for person in range(n_people):  # of different remainders, so that nothing comes twice
        items[person, :back] = generator.choice(5, back, replace=False) + 5 * generator.integers(0, 4, back)
    for step in range(back, length):
        items[:, step] = (items[:, step - back] + 5) % N_ITEMS
    columns = {
        "user_id": np.repeat([f"u{person:03}" for person in range(n_people)], length).tolist(),
        "item_id": [f"i{item:02}" for item in items.ravel()],
        "type": ["like"] * items.size,
        "time_ms": np.tile(np.arange(1, length + 1), n_people),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def asked(data: Dataset, *histories: list[int]) -> Queries:
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(N_ITEMS)])
    return Queries.of_histories([(rows[h], np.arange(len(h)), np.ones(len(h))) for h in histories])


@pytest.mark.parametrize("settings", [{}, {"blocks": 2, "kernel": 2}, {"temperature": 0.1, "negatives": 8}])
def test_it_learns_that_the_third_last_item_says_what_comes_next(settings: dict[str, object]) -> None:
    data = echoes()
    changed = {"dropout": 0.0, "learning_rate": 5e-3, "epochs": 25, "patience": 0, **settings}
    model = models.make("nextitnet", changed).fit(data, OPTIONS)
    found = model.score(asked(data, [3, 4, 5], [3, 5, 4], [9, 2, 16])).argmax(1)
    assert list(data.items.vocabulary.ids(found)) == ["i08", "i08", "i14"]


def test_four_blocks_see_510_events_back() -> None:
    config = NextItNetConfig(embedding_size=16, max_history=600)
    torch.manual_seed(0)
    net = NextItNet(config)._build(3)
    batch = Sequences(np.array([0, 520]), np.zeros(520, np.int64), np.zeros(520, np.int64)).batch(torch.device("cpu"))
    x = torch.randn(1, 520, 16, requires_grad=True)
    net.encoder(x, batch)[0, -1].square().sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(1) > 0
    assert not seen[: 520 - 511].any()
    assert seen[520 - 511 :].float().mean() > 0.9
