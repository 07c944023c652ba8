"""Recurrence against the formula, step by step."""

from __future__ import annotations

import numpy as np
import torch

from serendip.training.blocks.recurrent import Recurrent


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def states(block: Recurrent, x: np.ndarray) -> np.ndarray:
    """The states after each event of one history, by the book, (T, H)."""
    of_x, of_h, of_x_bias, of_h_bias = (part.detach().numpy() for part in block.units.parameters())
    state, found = np.zeros(of_h.shape[1]), []
    for event in x:
        reset, update, news = np.split(of_x @ event + of_x_bias, 3)
        own_reset, own_update, own_news = np.split(of_h @ state + of_h_bias, 3)
        kept = sigmoid(update + own_update)
        state = (1 - kept) * np.tanh(news + sigmoid(reset + own_reset) * own_news) + kept * state
        found.append(state)
    return np.array(found)


def block(layers: int = 1, dropout: float = 0.0) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(4, 6, layers, dropout).eval()


def test_states_are_those_of_the_formula() -> None:
    made, x = block(), torch.randn(1, 5, 4)
    with torch.no_grad():
        expected = states(made, made.norm(x)[0].numpy()) @ made.out.weight.numpy().T + made.out.bias.numpy()
        np.testing.assert_allclose(made(x)[0].numpy(), expected, atol=1e-6)


def test_the_last_position_alone_is_the_last_of_all_and_padding_is_not_looked_at() -> None:
    made, x, lengths = block(layers=2, dropout=0.5), torch.randn(3, 5, 4), torch.tensor([5, 1, 3])
    torch.testing.assert_close(made.last(x, lengths), made(x)[torch.arange(3), lengths - 1])
    changed = x.clone()
    changed[2, 3:] = 100.0
    torch.testing.assert_close(made.last(changed, lengths), made.last(x, lengths))
    changed[2, 2:] = 100.0
    assert not torch.allclose(made.last(changed, lengths)[2], made.last(x, lengths)[2])


def test_what_came_first_still_counts() -> None:
    made, x = block(), torch.randn(1, 5, 4)
    changed = x.clone()
    changed[:, 0] *= -1
    assert not torch.allclose(made(changed)[:, -1], made(x)[:, -1], atol=1e-4)
