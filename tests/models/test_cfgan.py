"""What is particular to CFGAN: two networks against each other, and masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.models import cfgan
from serendip.models.cfgan import DISCRIMINATOR, GENERATOR, CfGanConfig
from serendip.training import FitOptions
from serendip.training.profiles import Profiles

SMALL = {"embedding_size": 8}


@pytest.fixture(scope="module")
def data() -> Dataset:
    """40 people of two tastes, 20 items."""
    generator = np.random.default_rng(0)
    people = generator.integers(0, 40, 300)
    things = 2 * generator.integers(0, 10, 300) + people % 2
    columns = {"user_id": [f"u{row:02}" for row in people], "item_id": [f"i{row:02}" for row in things]}
    return Dataset.from_tables(Tables(event_frame(columns | {"type": ["like"] * 300})))


def net(**settings: object) -> cfgan._Net:
    torch.manual_seed(0)
    return cfgan._Net(20, CfGanConfig.model_validate(SMALL | settings))


def loss(taught: cfgan._Net, data: Dataset, part: str) -> torch.Tensor:
    return taught.loss(Profiles.of(data.matrix()), part, np.random.default_rng(0))


def moved(taught: cfgan._Net) -> set[str]:
    return {name for name, weight in taught.named_parameters() if weight.grad is not None}


def teach(taught: cfgan._Net, data: Dataset, part: str, steps: int = 100) -> None:
    optimizer = torch.optim.Adam(taught.parameters(), 0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(taught, data, part).backward()
        optimizer.step()


def test_a_mask_shows_what_is_wanted_and_a_share_of_the_rest() -> None:
    torch.manual_seed(0)
    wanted = (torch.rand(100, 50) < 0.2).float()
    shown = cfgan.masked(wanted, 0.7)
    assert (shown[wanted > 0] == 1).all()
    assert 0.65 < shown[wanted == 0].mean() < 0.75
    assert not torch.equal(shown, cfgan.masked(wanted, 0.7))


def test_each_stands_still_while_the_other_learns(data: Dataset) -> None:
    taught = net()
    loss(taught, data, GENERATOR).backward()
    assert moved(taught) == {"first.items.weight", "first.bias", "out.weight", "out.bias"}
    taught.zero_grad()
    loss(taught, data, DISCRIMINATOR).backward()
    assert all(name.startswith("aside.discriminator.") for name in moved(taught))
    assert len(moved(taught)) == 5


def test_the_discriminator_learns_to_tell_and_the_generator_to_convince_it(data: Dataset) -> None:
    taught = net(dropout=0.0, negative_weight=0.0)
    teach(taught, data, DISCRIMINATOR)
    told = loss(taught, data, DISCRIMINATOR).item()
    assert told < 0.5 * 2 * np.log(2)  # what chance comes to
    before = loss(taught, data, GENERATOR).item()
    teach(taught, data, GENERATOR)
    assert loss(taught, data, GENERATOR).item() < 0.5 * before
    assert loss(taught, data, DISCRIMINATOR).item() > told


def test_the_pull_towards_0_is_one_of_items_outside_of_the_history(data: Dataset) -> None:
    def outside(weight: float) -> float:
        taught = net(dropout=0.0, negative_weight=weight)
        teach(taught, data, GENERATOR)
        made_up = torch.sigmoid(taught(Profiles.of(data.matrix()))).detach().numpy()
        return float(made_up[data.matrix().toarray() == 0].mean())

    assert outside(1.0) < 0.2
    assert outside(0.0) > 2 * outside(1.0)


def test_only_the_generator_is_kept(data: Dataset) -> None:
    model = models.make("cfgan", SMALL | {"epochs": 2}).fit(data, FitOptions(1, 1))
    w, history = model.weights(), data.matrix().toarray()
    assert sorted(w) == ["first.bias", "first.items.weight", "out.bias", "out.weight", "place"]
    read = history / np.linalg.norm(history, axis=1, keepdims=True)
    logits = np.tanh(read @ w["first.items.weight"] + w["first.bias"]) @ w["out.weight"].T + w["out.bias"]
    expected = logits - logits.min(axis=1, keepdims=True)
    np.testing.assert_allclose(model.score(data.histories()), expected, atol=1e-5)
