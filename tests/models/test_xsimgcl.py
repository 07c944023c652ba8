"""XSimGCL: what telling people and items apart does, and the noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.models.xsimgcl import XSimGcl, XSimGclConfig
from serendip.training import FitOptions, losses
from serendip.training.blocks.graph import Graph
from serendip.training.propagation import Net, Pairs, recognised

ONE = FitOptions(seed=3, threads=1)
SHORT = {"patience": 0, "epochs": 15, "embedding_size": 16}


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Popular and rare items, each person drawn to a part of them."""
    generator = np.random.default_rng(0)
    people = generator.integers(0, 200, 2_000)
    things = (generator.zipf(1.3, 2_000) % 20 + 10 * (people % 3)) % 40
    columns = {"user_id": [f"u{row:03}" for row in people], "item_id": [f"i{row:02}" for row in things]}
    return Dataset.from_tables(Tables(event_frame(columns | {"type": ["like"] * 2_000})))


def vectors(data: Dataset, **settings: object) -> np.ndarray:
    model = models.make("xsimgcl", SHORT | settings).fit(data, ONE)
    assert isinstance(model, models.Embeds)
    return model.item_vectors()


def alike(vectors: np.ndarray) -> float:
    """The mean cosine of two items."""
    vectors = vectors[vectors.any(axis=1)]
    return float((vectors @ vectors.T)[~np.eye(len(vectors), dtype=bool)].mean())


def test_telling_apart_spreads_the_vectors(data: Dataset) -> None:
    means = [alike(vectors(data, contrast=contrast)) for contrast in (0.0, 0.3, 3.0)]
    assert means[0] > means[1] > means[2]


def test_noise_changes_what_is_learned(data: Dataset) -> None:
    assert not np.allclose(vectors(data, noise=0.0), vectors(data), atol=1e-2)


def test_without_noise_nothing_but_the_loss_is_random(data: Dataset) -> None:
    np.testing.assert_array_equal(vectors(data, noise=0.0), vectors(data, noise=0.0))


@pytest.mark.parametrize("contrast", [0.0, 0.4])
def test_the_loss_is_that_of_the_formula(data: Dataset, contrast: float) -> None:
    config = XSimGclConfig(embedding_size=8, noise=0.0, contrast=contrast, temperature=0.2)
    matrix = data.matrix()[:, np.flatnonzero(data.matrix().sum(axis=0))]
    torch.manual_seed(0)
    net, graph = Net(matrix.shape, config), Graph.of(matrix, torch.device("cpu"))
    people, items = torch.tensor([5, 3, 5]), torch.tensor([0, 2, 7])
    pairs = Pairs(people, items, torch.arange(10), items, torch.zeros(10))
    layers = net(graph)
    expected = recognised(*layers.vectors(1), pairs, 0.2)
    # People: the mean of layers 1 and 3 against layer 1; items: of 2 and 4 against 2.
    for side, first, who in ((layers.people, 1, [3, 5]), (layers.items, 2, [0, 2, 7])):
        mean = (side[first] + side[first + 2]) / 2
        expected = expected + contrast * losses.info_nce(mean[who], side[first][who], 0.2)
    torch.testing.assert_close(XSimGcl(config)._loss(net, graph, pairs), expected)
