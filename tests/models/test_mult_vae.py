"""What is particular to Mult-VAE: what is decoded, how z is held, and what is left out of what is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch.distributions import Normal, kl_divergence

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.models import Model, mult_vae
from serendip.models.mult_vae import MultVaeConfig
from serendip.training import FitOptions
from serendip.training.profiles import Profiles

SMALL = {"embedding_size": 4, "hidden_size": 8, "patience": 0}
ONE = FitOptions(seed=1, threads=1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """40 people of two tastes, 20 items, some liked and some only viewed."""
    generator = np.random.default_rng(0)
    people = generator.integers(0, 40, 300)
    things = 2 * generator.integers(0, 10, 300) + people % 2
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": generator.choice(["view", "like"], 300).tolist(),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


def fit(data: Dataset, **settings: object) -> Model:
    return models.make("mult_vae", SMALL | settings).fit(data, ONE)


def net(**settings: object) -> mult_vae._Net:
    torch.manual_seed(0)
    return mult_vae._Net(20, MultVaeConfig.model_validate(SMALL | settings))


def test_an_answer_is_decoded_from_the_mean(data: Dataset) -> None:
    model = fit(data, epochs=3)
    w, history = model.weights(), data.matrix().toarray()
    read = history / np.linalg.norm(history, axis=1, keepdims=True)
    mean = np.tanh(read @ w["first.items.weight"] + w["first.bias"]) @ w["mean.weight"].T + w["mean.bias"]
    hidden = np.tanh(mean @ w["decoder.0.weight"].T + w["decoder.0.bias"])
    logits = hidden @ w["decoder.2.weight"].T + w["decoder.2.bias"]
    expected = logits - logits.min(axis=1, keepdims=True)
    np.testing.assert_allclose(model.score(data.histories()), expected, atol=1e-5)


def test_the_divergence_is_that_of_gaussians() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, spread = torch.randn(5, 4, generator=generator), torch.randn(5, 4, generator=generator)
    expected = kl_divergence(Normal(mean, (spread / 2).exp()), Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(mult_vae.divergence(mean, spread), expected)


def test_its_weight_grows_epoch_by_epoch() -> None:
    growing, constant = net(kl=0.4, annealing=4), net(kl=0.4, annealing=0)
    found = []
    for _ in range(6):
        growing.begin("all")
        constant.begin("all")
        found.append(growing._beta())
        assert constant._beta() == 0.4
    assert found == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4])


def test_a_code_that_is_held_more_stays_nearer_to_0(data: Dataset) -> None:
    def size(kl: float) -> float:
        w = fit(data, epochs=30, kl=kl, annealing=0, learning_rate=0.01, dropout=0.0).weights()
        read = data.matrix().toarray()
        read /= np.linalg.norm(read, axis=1, keepdims=True)
        mean = np.tanh(read @ w["first.items.weight"] + w["first.bias"]) @ w["mean.weight"].T + w["mean.bias"]
        return float(np.square(mean).mean())

    assert size(5.0) < 0.5 * size(0.0)


@pytest.mark.parametrize("variational", [True, False])
def test_only_the_variational_one_draws_its_code(data: Dataset, variational: bool) -> None:
    taught = net(variational=variational, dropout=0.0)
    people, generator = Profiles.of(data.matrix()), np.random.default_rng(0)
    first, second = (taught.loss(people, "all", generator).item() for _ in range(2))
    assert (first != second) == variational


def test_part_of_a_history_is_left_out_while_learning_only(data: Dataset) -> None:
    people, whole = Profiles.of(data.matrix()), net(dropout=0.5)
    assert not torch.equal(whole(people), whole(people))
    whole.eval()
    assert torch.equal(whole(people), whole(people))


def test_epochs_make_what_people_want_more_likely(data: Dataset) -> None:
    def loss(epochs: int) -> float:
        scores = fit(data, epochs=epochs, learning_rate=0.01).score(data.histories())
        return float(-(log_softmax(scores, axis=1) * data.matrix().toarray()).sum())

    assert loss(30) < 0.9 * loss(1)
