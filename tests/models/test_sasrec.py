"""SASRec: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions
from serendip.training.blocks.attention import Block, Stack, _turned, _turns

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
    pairs = [[first, second] for first in range(20) for second in range(20) if first != second]
    found = data.items.vocabulary.ids(model.score(asked(data, *pairs)).argmax(1))
    expected = np.array([f"i{(first + 7) % 20:02}" for first, _ in pairs])
    assert np.mean(np.asarray(found) == expected) > 0.8  # by chance, and by any map of the newest item alone, 0.05


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
    """What one position looks for in another does not change where both stand later."""
    torch.manual_seed(0)
    query, key = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)
    turns = _turns(40, 8, query)

    def product(at: int, before: int) -> Tensor:
        one, other = (tuple(part[place] for part in turns) for place in (at, before))
        return (_turned(query, one) * _turned(key, other)).sum()

    torch.testing.assert_close(product(7, 4), product(35, 32))
    assert not torch.isclose(product(7, 4), product(7, 5))


def test_a_history_can_be_reversed_and_means_something_else() -> None:
    model = models.make("sasrec", {"epochs": 3}).fit(detours(), OPTIONS)
    one, other = model.score(asked(detours(), [3, 4], [4, 3]))
    assert not np.allclose(one, other, atol=1e-3)


def kinds(n_people: int = 400, n_items: int = 60) -> Dataset:
    """After a thing of one kind comes any of the next kind; each thing is met a few times only. Titles say the kind."""
    generator = np.random.default_rng(5)
    names = ["tea", "cup", "spoon", "honey", "lemon"]
    rows = []
    for person in range(n_people):
        kind = generator.integers(5)
        for step in range(4):
            item = 5 * generator.integers(n_items // 5) + (kind + step) % 5
            rows.append((f"u{person:03}", f"i{item:02}", "like", step + 1))
    columns = dict(zip(("user_id", "item_id", "type", "time_ms"), zip(*rows, strict=True), strict=True))
    ids = [f"i{item:02}" for item in range(n_items)]
    titles = [f"{names[item % 5]} of a kind" for item in range(n_items)]
    return Dataset.from_tables(Tables(event_frame(columns), pl.DataFrame({"item_id": ids, "title": titles})))


def of_the_next_kind(model: models.Model, data: Dataset) -> float:
    """How much of the chances falls on things of the kind that comes next."""
    number = np.array([int(id_[1:]) for id_ in data.items.vocabulary.ids()])
    scores = model.score(Queries.of_histories([([row], [1], [1.0]) for row in range(data.n_items)]))
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    return float((chances * (number[None] % 5 == (number[:, None] + 1) % 5)).sum(axis=1).mean())


def test_contents_tell_what_little_was_met_does_not() -> None:
    """The same few steps of learning: what things are says more than who met them."""
    data = kinds(60)
    changed = {"epochs": 6, "patience": 0, "embedding_size": 32, "blocks": 1}
    alone = of_the_next_kind(models.make("sasrec", changed).fit(data, OPTIONS), data)
    told = models.make("sasrec", {**changed, "contents": "attributes"}).fit(data, OPTIONS)
    assert of_the_next_kind(told, data) > alone + 0.1


def test_a_model_that_read_contents_is_restored_without_reading_them_again() -> None:
    data = kinds(60)
    changed = {"epochs": 1, "patience": 0, "contents": "attributes+text:words"}
    model = models.make("sasrec", changed).fit(data, OPTIONS)
    again = models.make("sasrec", changed).restore(model.weights())
    np.testing.assert_array_equal(again.score(data.histories()), model.score(data.histories()))
    assert models.make("sasrec", {**changed, "contents": ""}).fit(
        data, OPTIONS
    ).weights().keys() < model.weights().keys() | {"items.weight"}
