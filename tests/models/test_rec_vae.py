"""What is particular to RecVAE: the mixture that z is held to, and encoder and decoder by turns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Categorical, MixtureSameFamily, Normal

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.models import rec_vae
from serendip.models.rec_vae import DECODER, ENCODER, RecVaeConfig
from serendip.training import FitOptions
from serendip.training.profiles import Profiles

SMALL = {"embedding_size": 4, "hidden_size": 8}


@pytest.fixture(scope="module")
def data() -> Dataset:
    """40 people of two tastes, 20 items."""
    generator = np.random.default_rng(0)
    people = generator.integers(0, 40, 300)
    things = 2 * generator.integers(0, 10, 300) + people % 2
    columns = {"user_id": [f"u{row:02}" for row in people], "item_id": [f"i{row:02}" for row in things]}
    return Dataset.from_tables(Tables(event_frame(columns | {"type": ["like"] * 300})))


def net(**settings: object) -> rec_vae._Net:
    torch.manual_seed(0)
    return rec_vae._Net(20, RecVaeConfig.model_validate(SMALL | settings))


def loss(taught: rec_vae._Net, data: Dataset, part: str) -> torch.Tensor:
    torch.manual_seed(1)
    return taught.loss(Profiles.of(data.matrix()), part, np.random.default_rng(0))


def moved(taught: nn.Module) -> set[str]:
    """The parts that gradients reach."""
    return {name.partition(".")[0] for name, weight in taught.named_parameters() if weight.grad is not None}


def some(seed: int) -> torch.Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))


def test_densities_are_those_of_gaussians_and_of_their_mixture() -> None:
    z, mean, spread = some(0), some(1), some(2)
    torch.testing.assert_close(rec_vae.log_normal(z, mean, spread), Normal(mean, (spread / 2).exp()).log_prob(z))
    zero, one = torch.zeros_like(z), torch.ones_like(z)
    parts = Normal(
        torch.stack([zero, mean, zero], dim=-1), torch.stack([one, (spread / 2).exp(), np.exp(5.0) * one], dim=-1)
    )
    mixture = MixtureSameFamily(Categorical(torch.tensor([0.15, 0.75, 0.1]).expand(3, 4, 3)), parts)
    torch.testing.assert_close(rec_vae.log_prior(z, mean, spread), mixture.log_prob(z))


@pytest.mark.parametrize(("part", "other"), [(ENCODER, DECODER), (DECODER, ENCODER)])
def test_one_stands_still_while_the_other_learns(data: Dataset, part: str, other: str) -> None:
    taught = net()
    loss(taught, data, part).backward()
    assert moved(taught) == {part}
    loss(taught, data, other).backward()
    assert moved(taught) == {part, other}  # what is said to stand still does not do so for lack of a way there


def test_the_prior_remembers_the_encoder_as_it_stood_when_the_decoder_was_last_taught() -> None:
    taught = net()
    weight, old = taught.encoder.mean.weight, taught.aside.old.mean.weight
    with torch.no_grad():
        weight += 1
    taught.begin(ENCODER)
    assert not torch.equal(weight, old)
    taught.begin(DECODER)
    assert torch.equal(weight, old)


def test_the_longer_a_history_the_more_it_is_held(data: Dataset) -> None:
    with torch.no_grad():
        free, held = (loss(net(gamma=gamma, dropout=0.0), data, ENCODER) for gamma in (0.0, 0.1))
        taught, people = net(dropout=0.0), Profiles.of(data.matrix())
        taught.aside.old.load_state_dict(taught.encoder.state_dict())
        mean, spread = taught.encoder(people, 0.0)
        torch.manual_seed(1)
        z = rec_vae.drawn(mean, spread)
        apart = rec_vae.log_normal(z, mean, spread) - rec_vae.log_prior(z, mean, spread)
        lengths = torch.from_numpy(data.matrix().toarray().sum(axis=1))
        torch.testing.assert_close(held - free, (0.1 * lengths * apart.sum(1)).mean(), rtol=1e-4, atol=1e-4)


def test_an_answer_is_decoded_from_the_mean_of_densely_connected_layers(data: Dataset) -> None:
    model = models.make("rec_vae", SMALL | {"epochs": 2}).fit(data, FitOptions(1, 1))
    w, history = model.weights(), data.matrix().toarray()

    def normed(x: np.ndarray, place: int) -> np.ndarray:
        x = x / (1 + np.exp(-x))
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + rec_vae.EPSILON)
        return scaled * w[f"encoder.norms.{place}.weight"] + w[f"encoder.norms.{place}.bias"]

    read = history / np.linalg.norm(history, axis=1, keepdims=True)
    layers = [normed(read @ w["encoder.first.items.weight"] + w["encoder.first.bias"], 0)]
    for place in range(4):
        weight, bias = w[f"encoder.deeper.{place}.weight"], w[f"encoder.deeper.{place}.bias"]
        layers.append(normed(layers[-1] @ weight.T + bias + np.sum(layers, axis=0), place + 1))
    mean = layers[-1] @ w["encoder.mean.weight"].T + w["encoder.mean.bias"]
    logits = mean @ w["decoder.weight"].T + w["decoder.bias"]
    expected = logits - logits.min(axis=1, keepdims=True)
    np.testing.assert_allclose(model.score(data.histories()), expected, atol=1e-4)


def test_steps_of_both_kinds_lower_the_loss(data: Dataset) -> None:
    taught = net(dropout=0.0)
    optimizer = torch.optim.Adam(taught.parameters(), 0.01)
    before = loss(taught, data, DECODER).item()
    for step in range(40):
        optimizer.zero_grad()
        loss(taught, data, ENCODER if step % 4 else DECODER).backward()
        optimizer.step()
    assert loss(taught, data, DECODER).item() < 0.9 * before
