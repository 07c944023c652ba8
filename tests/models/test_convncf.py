"""What is particular to ConvNCF: the map of products, and the CNN that reads it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.errors import InputError
from serendip.models import Model, convncf
from serendip.training import FitOptions

SMALL = {"embedding_size": 4, "channels": 3, "epochs": 2}


@pytest.fixture(scope="module")
def data() -> Dataset:
    """40 people of two tastes, 20 items."""
    generator = np.random.default_rng(0)
    people = generator.integers(0, 40, 300)
    things = 2 * generator.integers(0, 10, 300) + people % 2
    columns = {"user_id": [f"u{row:02}" for row in people], "item_id": [f"i{row:02}" for row in things]}
    return Dataset.from_tables(Tables(event_frame(columns | {"type": ["like"] * 300})))


def fit(data: Dataset, **settings: object) -> Model:
    return models.make("convncf", SMALL | settings).fit(data, FitOptions(1, 1))


def test_squares_lie_where_they_lay() -> None:
    x = torch.arange(2 * 4 * 4 * 3).reshape(2, 4, 4, 3)
    found = convncf.squares(x)
    assert found.shape == (2, 2, 2, 12)
    torch.testing.assert_close(found[1, 0, 1], x[1, 0:2, 2:4].flatten())


@pytest.mark.parametrize("width", [2, 8])
def test_the_layers_are_convolutions_with_a_stride(width: int) -> None:
    torch.manual_seed(0)
    cnn, maps = convncf._Cnn(width, 3), torch.randn(5, width, width)
    x = maps[:, None]  # (M, 1, D, D)
    for layer in cnn.layers:
        kernel = layer.weight.view(3, 2, 2, -1).permute(0, 3, 1, 2)
        x = functional.relu(functional.conv2d(x, kernel, layer.bias, stride=2))
    assert x.shape[2:] == (1, 1)
    torch.testing.assert_close(cnn(maps), (x[:, :, 0, 0] @ cnn.out.weight.T)[:, 0])


def test_a_score_is_the_diagonal_of_the_map_and_what_is_read_in_it(data: Dataset) -> None:
    model = fit(data)
    w, history = model.weights(), data.matrix().toarray()
    people = history @ w["given.weight"] / np.sqrt(history.sum(axis=1, keepdims=True))
    found = np.zeros((len(people), 20))
    for u, p in enumerate(people):
        for i, q in enumerate(w["wanted.weight"]):
            x = np.outer(p, q)[:, :, None]
            for place in range(2):
                half = len(x) // 2
                parts = [[x[2 * a : 2 * a + 2, 2 * b : 2 * b + 2].ravel() for b in range(half)] for a in range(half)]
                x = np.maximum(0, np.array(parts) @ w[f"cnn.layers.{place}.weight"].T + w[f"cnn.layers.{place}.bias"])
            found[u, i] = np.trace(np.outer(p, q)) + w["cnn.out.weight"][0] @ x[0, 0] + w["bias"][i]
    expected = found - found.min(axis=1, keepdims=True)
    np.testing.assert_allclose(model.score(data.histories()), expected, atol=1e-5)


def test_what_the_network_reads_moves_the_scores(data: Dataset) -> None:
    model = fit(data, epochs=10, learning_rate=0.02)
    w = model.weights()
    without = models.make("convncf", SMALL).restore(w | {"cnn.out.weight": 0 * w["cnn.out.weight"]})
    assert np.abs(model.score(data.histories()) - without.score(data.histories())).max() > 0.01


def test_a_width_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(InputError, match="a power of 2"):
        models.make("convncf", {"embedding_size": 12})


def test_epochs_put_what_a_taste_wants_above_what_it_does_not(data: Dataset) -> None:
    even = np.array([int(name[1:]) % 2 == 0 for name in data.items.vocabulary.ids(np.arange(20))])
    lovers = np.array([int(name[1:]) % 2 == 0 for name in data.users.vocabulary.ids(np.arange(40))])

    def share(epochs: int) -> float:
        scores = fit(data, epochs=epochs, patience=0, learning_rate=0.02).score(data.histories())[lovers]
        return float((scores[:, even].ravel()[:, None] > scores[:, ~even].ravel()).mean())

    assert share(40) > max(0.9, share(1))
