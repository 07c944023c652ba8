"""DCN-V2: what is special about it; the promises of every model are in test_contract.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from serendip import models
from serendip.training import FitOptions
from serendip.training.blocks.cross import BentLowRank, LowRank
from serendip.training.blocks.experts import Mixture
from serendip.training.rankers import Head, People
from tests.training.tastes import of_own_kind, tastes

OPTIONS = FitOptions(seed=5, threads=1)
SIZE, FIELDS = 4, 2
FORMS: list[dict[str, Any]] = [
    {},
    {"stacked": True},
    {"rank": 3},
    {"experts": 3},
    {"experts": 2, "rank": 4, "stacked": True},
]


def head(**settings: Any) -> Head:
    small = {"embedding_size": SIZE, "hidden_size": 5, "layers": 1, "dropout": 0.0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return models.make("dcn", small | settings)._build(FIELDS)  # type: ignore[attr-defined, no-any-return]


def people() -> People:
    generator = torch.Generator().manual_seed(2)
    told, context = torch.randn(6, FIELDS, SIZE, generator=generator), torch.randn(2, 2, SIZE, generator=generator)
    return People(told, torch.tensor([0, 3, 5, 2]), torch.tensor([0, 3, 4]), context)


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_the_odds_are_those_of_the_formula(stacked: bool, shared: bool) -> None:
    net, asked = head(stacked=stacked, crosses=2), people()
    items = torch.randn(1 if shared else 2, 4, FIELDS, SIZE)
    found = net(asked, items)
    first_layer = net.tower.first[0]
    for row in range(2):
        for column in range(4):
            first = torch.cat([asked.fields[row].flatten(), items[0 if shared else row, column].flatten()])
            crossed = first
            for inner in net.cross.inner:
                crossed = first * (inner.weight @ crossed + inner.bias) + crossed
            deep = torch.relu(first_layer(crossed if stacked else first))
            expected = net.out(deep if stacked else torch.cat([crossed, deep]))[0]
            torch.testing.assert_close(found[row, column], expected, atol=1e-4, rtol=1e-4)


def test_settings_say_what_stands_in_a_cross_layer() -> None:
    assert isinstance(head().cross.inner[0], torch.nn.Linear)
    assert isinstance(head(rank=3).cross.inner[0], LowRank)
    mixture = head(experts=3, rank=2).cross.inner[0]
    assert isinstance(mixture, Mixture)
    assert [type(expert) for expert in mixture.experts] == [BentLowRank] * 3
    assert mixture.experts[0].down.weight.shape[0] == 2


@pytest.mark.parametrize("form", FORMS)
def test_each_form_knows_who_wants_what(form: dict[str, Any]) -> None:
    assert of_own_kind("dcn", tastes(events=6), form) > 0.9


@pytest.mark.parametrize("form", FORMS)
def test_each_form_can_be_saved(form: dict[str, Any]) -> None:
    data, settings = tastes(), {"epochs": 1, "patience": 0} | form
    model = models.make("dcn", settings).fit(data, OPTIONS)
    again = models.make("dcn", settings).restore(model.weights())
    np.testing.assert_array_equal(again.score(data.histories()), model.score(data.histories()))
