"""Joint reading: what stands beside a history, lists of rivals, and what is learned from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.data.arrays import IntArray
from serendip.models.cross_encoder import CrossEncoder
from serendip.training import FitOptions
from serendip.training.blocks.attention import Block, Stack
from serendip.training.joint import JointConfig, JointReader, Lists, proposals
from serendip.training.sequences import Sequences


def test_a_candidate_beside_a_history_is_read_as_if_it_were_its_next_event() -> None:
    torch.manual_seed(0)
    stack = Stack(2, lambda: Block(8, 2, 2, 0.0, gated=True), 8).eval()
    history, candidates = torch.randn(3, 5, 8), torch.randn(3, 4, 8)
    after = torch.tensor([[1, 2, 3, 5], [5, 5, 1, 4], [2, 2, 2, 2]])
    with torch.inference_mode():
        read, found = stack.beside(history, candidates, after)
        torch.testing.assert_close(read, stack(history))
        for row in range(3):
            for place in range(4):
                events = history[row, : after[row, place]]
                whole = torch.cat([events, candidates[row, place][None]])[None]
                torch.testing.assert_close(found[row, place], stack(whole)[0, -1], atol=1e-5, rtol=1e-5)


def sequences(*histories: list[int]) -> Sequences:
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])])
    places = np.asarray([place for history in histories for place in history], np.int64)
    return Sequences(offsets.astype(np.int64), places, np.zeros(len(places), np.int64))


def test_lists_ask_for_what_came_next_among_what_was_proposed_there() -> None:
    whole = sequences([0, 1, 2, 3, 4], [5], [6, 7], [])
    asked: list[list[int]] = []

    def propose(prefixes: Sequences) -> IntArray:
        asked.extend(prefixes[np.array([row])].places.tolist() for row in range(len(prefixes)))
        return np.tile(np.arange(8), (len(prefixes), 1))

    lists = Lists.within(whole, 3, 9, propose, np.random.default_rng(0))
    assert lists.owners.tolist() == [0, 0, 2]
    assert lists.after.tolist() == [1, 2, 1]  # of the last three events of the first: 2, 3, 4
    assert lists.targets.tolist() == [3, 4, 7]
    assert asked == [[0, 1, 2], [0, 1, 2, 3], [6]]  # a retriever is asked with all that came before
    for rivals, target in zip(lists.rivals, lists.targets, strict=True):
        assert rivals.tolist() == [-1 if place == target else place for place in range(8)]
    few = Lists.within(whole, 3, 1, propose, np.random.default_rng(0))
    assert few.owners.tolist() == [0, 2]


def test_without_a_retriever_rivals_are_drawn_as_people_want_them() -> None:
    propose = proposals(None, 1_000, np.array([0, 1, 3]), np.random.default_rng(0))
    drawn = np.bincount(propose(sequences([0], [1]))[0], minlength=3)
    assert drawn[0] == 0
    assert 600 < drawn[2] < 900


def test_own_vectors_are_left_out_while_learning_only() -> None:
    net = JointReader(2, 50, JointConfig(embedding_size=4, own_dropout=0.5))
    content, own = torch.ones(50, 2), torch.arange(50)
    bare = net.items(content, torch.full((50,), -1))
    alike = (net.items(content, own) == bare).all(1)
    assert 5 < int(alike.sum()) < 45
    assert not (net.eval().items(content, own) == bare).all(1).any()


def walks(n_people: int = 300, n_items: int = 20) -> Dataset:
    """Everybody goes round: after item i comes i + 1; where they begin is chance, so all items are wanted alike."""
    generator = np.random.default_rng(0)
    rows = [
        (f"u{person}", (start + step) % n_items)
        for person, start in enumerate(generator.integers(n_items, size=n_people))
        for step in range(6)
    ]
    users, items = zip(*rows, strict=True)
    times = list(range(len(rows)))
    columns = {
        "user_id": users,
        "item_id": [f"{item:02}" for item in items],
        "type": ["like"] * len(rows),
        "time_ms": times,
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.mark.parametrize(
    "retriever", [None, lambda queries, k: np.tile(np.arange(20, dtype=np.int32), (len(queries), 1))]
)
def test_it_puts_first_what_comes_next(retriever: object) -> None:
    data = walks()
    config = JointConfig(contents="", embedding_size=16, blocks=1, epochs=8, depth=20, batch_size=1_024)
    model = CrossEncoder(config).fit(data, FitOptions(threads=1, retriever=retriever))  # type: ignore[arg-type]
    row = data.items.vocabulary.rows([f"{item:02}" for item in range(20)])
    histories = [(row[[i, (i + 1) % 20, (i + 2) % 20]], np.zeros(3), np.ones(3)) for i in range(20)]
    scores = model.score(Queries.of_histories(histories))
    assert (scores.argmax(axis=1) == row[(np.arange(20) + 3) % 20]).mean() > 0.9
