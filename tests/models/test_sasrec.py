"""SASRec: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions
from serendip.training.blocks.attention import Attention, Block, Stack

OPTIONS = FitOptions(seed=3, threads=1)


def detours(n_people: int = 200, n_items: int = 20) -> Dataset:
    """What comes next is said by the item before the newest one: no map of single items can know it."""
    generator = np.random.default_rng(5)
    walks = np.empty((n_people, 8), int)
    walks[:, :2] = generator.integers(0, n_items, (n_people, 2))
    for step in range(2, 8):
        walks[:, step] = (walks[:, step - 2] + 7) % n_items
    columns = {
        "user_id": np.repeat([f"u{person:03}" for person in range(n_people)], 8).tolist(),
        "item_id": [f"i{item:02}" for item in walks.ravel()],
        "type": ["like"] * walks.size,
        "time_ms": np.tile(np.arange(1, 9), n_people),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def asked(data: Dataset, *histories: list[int]) -> Queries:
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(20)])
    return Queries.of_histories([(rows[h], np.arange(len(h)), np.ones(len(h))) for h in histories])


@pytest.mark.parametrize("settings", [{}, {"gated": False, "heads": 2}, {"temperature": 0.1, "negatives": 8}])
def test_it_learns_that_the_item_before_the_newest_says_what_comes_next(settings: dict[str, object]) -> None:
    data = detours()
    changed = {"dropout": 0.0, "learning_rate": 5e-3, "epochs": 40, "patience": 0, **settings}
    model = models.make("sasrec", changed).fit(data, OPTIONS)
    names = data.items.vocabulary.ids(model.score(asked(data, [3, 4], [4, 3], [9, 5])).argmax(1))
    assert list(names) == ["i10", "i11", "i16"]


def test_the_last_position_alone_is_the_last_of_all() -> None:
    torch.manual_seed(0)
    stack = Stack(2, lambda: Block(8, 2, 2, 0.0, gated=True), 8).eval()
    x, lengths = torch.randn(3, 5, 8), torch.tensor([5, 1, 3])
    whole = stack(x)
    torch.testing.assert_close(stack.last(x, lengths), whole[torch.arange(3), lengths - 1])


def test_nothing_looks_at_what_comes_later_or_at_padding() -> None:
    torch.manual_seed(0)
    stack = Stack(2, lambda: Block(8, 1, 2, 0.0, gated=False), 8).eval()
    x = torch.randn(2, 6, 8)
    changed = x.clone()
    changed[:, 4:] = 100.0
    torch.testing.assert_close(stack(changed)[:, :4], stack(x)[:, :4])
    assert not torch.allclose(stack(changed)[:, 4:], stack(x)[:, 4:])


def test_only_distances_count() -> None:
    """The same events later in a longer padding find the same: nothing depends on where a history starts."""
    torch.manual_seed(0)
    attention = Attention(8, 2)
    x = torch.randn(1, 4, 8)
    alone = attention.last(x, torch.tensor([4]))
    # In front stands a key so far from every query that it gets no attention worth the name.
    scores = attention(x)
    torch.testing.assert_close(alone[0], scores[0, 3])
    turned = attention(torch.cat([x, x], dim=1))
    assert not torch.allclose(turned[0, 7], scores[0, 3])  # what came before does count


def test_a_history_can_be_reversed_and_means_something_else() -> None:
    model = models.make("sasrec", {"epochs": 3}).fit(detours(), OPTIONS)
    one, other = model.score(asked(detours(), [3, 4], [4, 3]))
    assert not np.allclose(one, other, atol=1e-3)
