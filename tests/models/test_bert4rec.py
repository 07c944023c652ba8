"""BERT4Rec: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models.bert4rec import Bert4Rec, Bert4RecConfig
from serendip.training import FitOptions
from serendip.training.cloze import ClozeReader
from serendip.training.sequences import Sequences

OPTIONS = FitOptions(seed=3, threads=1)
CPU = torch.device("cpu")
N_ITEMS = 20


def walks(n_people: int = 200, length: int = 8) -> Dataset:
    """Everybody walks around a circle of items in steps of 7."""
    starts = np.random.default_rng(5).integers(0, N_ITEMS, n_people)
    items = (starts[:, None] + 7 * np.arange(length)) % N_ITEMS
    columns = {
        "user_id": np.repeat([f"u{person:03}" for person in range(n_people)], length).tolist(),
        "item_id": [f"i{item:02}" for item in items.ravel()],
        "type": ["like"] * items.size,
        "time_ms": np.tile(np.arange(1, length + 1), n_people),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.mark.parametrize("settings", [{}, {"gated": False, "heads": 1}, {"temperature": 0.1, "negatives": 8}])
def test_it_learns_what_comes_next_by_filling_blanks(settings: dict[str, object]) -> None:
    data = walks()
    changed = {"dropout": 0.0, "learning_rate": 0.01, "epochs": 60, "patience": 0, **settings}
    model = models.make("bert4rec", changed).fit(data, OPTIONS)
    rows = data.items.vocabulary.rows([f"i{item:02}" for item in range(N_ITEMS)])
    walked = (np.arange(N_ITEMS)[:, None] + np.arange(4) * 7) % N_ITEMS  # three steps from everywhere, and the next
    asked = Queries.of_histories([(rows[walk[:3]], np.arange(3), np.ones(3)) for walk in walked])
    right = model.score(asked).argmax(1) == rows[walked[:, 3]]
    assert right.mean() > 0.6  # rounding decides some: 0.05 is chance


def net() -> ClozeReader:
    torch.manual_seed(0)
    made = Bert4Rec(Bert4RecConfig(embedding_size=8))._build(N_ITEMS)
    assert isinstance(made, ClozeReader)
    return made.eval()


def sequences(*histories: list[int]) -> Sequences:
    lengths = [len(history) for history in histories]
    places = np.array([place for history in histories for place in history], np.int64)
    return Sequences(np.concatenate([[0], np.cumsum(lengths)]), places, np.zeros(len(places), np.int64))


@torch.no_grad()
def test_a_blank_is_filled_with_what_comes_after_it_too() -> None:
    blanks = torch.tensor([[False, True, False, False]])
    one, other = (net().filled(sequences([1, 2, 3, last]).batch(CPU), blanks)[0, 1] for last in (4, 5))
    assert not torch.allclose(one, other, atol=1e-4)


@torch.no_grad()
def test_a_blank_does_not_know_what_stood_there() -> None:
    blanks = torch.tensor([[False, True, False, False]])
    one, other = (net().filled(sequences([1, was, 3, 4]).batch(CPU), blanks) for was in (2, 5))
    torch.testing.assert_close(one, other)


@torch.no_grad()
def test_a_question_is_a_blank_at_the_end_whatever_stands_beside_it() -> None:
    known = [[1, 2, 3], [4], [5, 6]]
    found = net().last(sequences(*known).batch(CPU))
    for row, history in enumerate(known):
        alone = sequences([*history, 0]).batch(CPU)
        blanks = torch.arange(len(history) + 1)[None] == len(history)
        torch.testing.assert_close(found[row], net().filled(alone, blanks)[0, -1])
