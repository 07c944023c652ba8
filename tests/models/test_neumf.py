"""What is particular to NeuMF: a product, a tower, or both."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.models import Model
from serendip.training import FitOptions

WIDTH = 4


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


def fit(data: Dataset, kind: str, **settings: object) -> Model:
    config = {"kind": kind, "embedding_size": WIDTH, "layers": 2, "epochs": 3} | settings
    return models.make("neumf", config).fit(data, FitOptions(1, 1))


def product(w: dict[str, np.ndarray], p: np.ndarray, q: np.ndarray) -> float:
    return float(w["parts.product.weights"] @ (p * q))


def tower(w: dict[str, np.ndarray], p: np.ndarray, q: np.ndarray) -> float:
    both = np.concatenate([w["parts.tower.of_people.weight"], w["parts.tower.of_items.weight"]], axis=1)
    x = np.maximum(0, both @ np.concatenate([p, q]) + w["parts.tower.of_people.bias"])
    x = np.maximum(0, w["parts.tower.deeper.0.weight"] @ x + w["parts.tower.deeper.0.bias"])
    return float(w["parts.tower.out.weight"][0] @ x)


def pair(w: dict[str, np.ndarray], kind: str, p: np.ndarray, q: np.ndarray) -> float:
    if kind == "gmf":
        return product(w, p, q)
    if kind == "mlp":
        return tower(w, p, q)
    return product(w, p[:WIDTH], q[:WIDTH]) + tower(w, p[WIDTH:], q[WIDTH:])


@pytest.mark.parametrize("kind", ["gmf", "mlp", "neumf"])
def test_a_score_is_what_the_formula_says_pair_by_pair(data: Dataset, kind: str) -> None:
    model = fit(data, kind)
    w, history = model.weights(), data.matrix().toarray()
    people = history @ w["given.weight"] / np.sqrt(history.sum(axis=1, keepdims=True))
    found = np.array([[pair(w, kind, p, q) for q in w["wanted.weight"]] for p in people]) + w["bias"]
    expected = found - found.min(axis=1, keepdims=True)
    np.testing.assert_allclose(model.score(data.histories()), expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "parts"), [("gmf", {"product"}), ("mlp", {"tower"}), ("neumf", {"product", "tower"})])
def test_each_kind_has_its_parts_and_no_more(data: Dataset, kind: str, parts: set[str]) -> None:
    kept = {name.split(".")[1] for name in fit(data, kind, epochs=1).weights() if "." in name}
    assert kept & {"product", "tower"} == parts


@pytest.mark.parametrize("layers", [1, 4])
def test_layers_are_half_as_wide_each_and_never_empty(data: Dataset, layers: int) -> None:
    w = fit(data, "mlp", layers=layers, epochs=1).weights()
    assert w["parts.tower.out.weight"].shape == (1, max(1, WIDTH >> (layers - 1)))


@pytest.mark.parametrize("kind", ["gmf", "mlp", "neumf"])
def test_epochs_put_what_a_taste_wants_above_what_it_does_not(data: Dataset, kind: str) -> None:
    even = np.array([int(name[1:]) % 2 == 0 for name in data.items.vocabulary.ids(np.arange(20))])
    lovers = np.array([int(name[1:]) % 2 == 0 for name in data.users.vocabulary.ids(np.arange(40))])

    def share(epochs: int) -> float:
        scores = fit(data, kind, embedding_size=16, epochs=epochs, patience=0, learning_rate=0.01).score(
            data.histories()
        )[lovers]
        return float((scores[:, even].ravel()[:, None] > scores[:, ~even].ravel()).mean())

    assert share(20) > max(0.9, share(1))
