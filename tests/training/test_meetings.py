"""Pairs: who asks is a history without what is asked about, and many pairs are answered in parts."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import Tensor

from serendip.training import meetings
from serendip.training.meetings import PairConfig, PairNet
from serendip.training.profiles import Profiles

WIDTH = 5


class Product(PairNet):
    """The least that can happen between two vectors."""

    def meeting(self, people: Tensor, items: Tensor) -> Tensor:
        return (people * items).sum(-1)


def net(**settings: object) -> Product:
    torch.manual_seed(0)
    made = Product(8, WIDTH, PairConfig.model_validate(settings))
    torch.nn.init.normal_(made.bias)
    return made


def history() -> sp.csr_array:
    """Three people: three items of different weight, one item, none."""
    dense = np.zeros((3, 8), np.float32)
    dense[0, [1, 4, 6]] = [1.0, 0.3, 2.0]
    dense[1, 5] = 0.7
    return sp.csr_array(dense)


def test_a_person_is_the_sum_of_their_history_over_the_root_of_its_weight() -> None:
    made, dense = net(), history().toarray()
    roots = np.sqrt(np.maximum(dense.sum(axis=1), 1e-9))[:, None]
    p = dense @ made.given.weight.detach().numpy() / roots
    expected = p @ made.wanted.weight.detach().numpy().T + made.bias.detach().numpy()
    np.testing.assert_allclose(made(Profiles.of(history())).detach().numpy(), expected, atol=1e-6)


def test_what_is_asked_about_is_left_out_of_the_history() -> None:
    made = net()
    found = made.without(Profiles.of(history())).detach().numpy()
    y = made.given.weight.detach().numpy()
    expected = [
        (0.3 * y[4] + 2.0 * y[6]) / np.sqrt(2.3),
        (1.0 * y[1] + 2.0 * y[6]) / np.sqrt(3.0),
        (1.0 * y[1] + 0.3 * y[4]) / np.sqrt(1.3),
        np.zeros(WIDTH),
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_many_pairs_are_answered_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    made, people = net(), Profiles.of(history())
    at_once = made(people)
    monkeypatch.setattr(meetings, "NUMBERS_AT_ONCE", 1)
    torch.testing.assert_close(made(people), at_once)
    assert made(Profiles.of(history()[:0])).shape == (0, 8)


@pytest.mark.parametrize("objective", ["binary", "bpr"])
def test_each_objective_puts_what_is_wanted_above_the_rest(objective: str) -> None:
    made = net(objective=objective, dropout=0.0)
    wanted = sp.csr_array(np.kron(np.eye(2), np.ones((4, 4))).astype(np.float32))  # two tastes
    optimizer, people = torch.optim.Adam(made.parameters(), 0.05), Profiles.of(wanted)
    generator = np.random.default_rng(0)
    for _ in range(60):
        optimizer.zero_grad()
        made.loss(people, "all", generator).backward()
        optimizer.step()
    scores = made(people).detach().numpy()
    inside = wanted.toarray() > 0
    assert scores[inside].min() > scores[~inside].max()


def test_dropout_only_while_learning() -> None:
    made, people = net(dropout=0.5), Profiles.of(history())
    losses = [made.loss(people, "all", np.random.default_rng(0)).item() for _ in range(2)]
    assert losses[0] != losses[1]
    made.eval()
    assert made.loss(people, "all", np.random.default_rng(0)) == made.loss(people, "all", np.random.default_rng(0))
