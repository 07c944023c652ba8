"""However a model is asked, it says the same."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries
from serendip.pipeline.opinions import Alike, Chances, Dense, Following, Scoring, Searching, speaker
from serendip.retrieval import build

NOBODY = Queries.of_histories([([], [], [])])
WAYS = {"item_knn": Following, "slim": Following, "popular": Alike, "als": Searching, "ease": Scoring}


@pytest.mark.parametrize("name", list(WAYS))
def test_the_cheap_way_says_what_all_scores_say(name: str, shop: Dataset) -> None:
    model = models.make(name).fit(shop)
    index = build("inverted", model.item_vectors()) if isinstance(model, models.Embeds) else None
    asked = speaker(model, index)
    assert isinstance(asked, WAYS[name])
    queries = shop.histories()[:10]
    allowed = np.random.default_rng(0).random(shop.n_items) < 0.8
    everything = np.arange(shop.n_items)
    for opinion, scores in zip(asked.opinions(queries), model.score(queries), strict=True):
        np.testing.assert_allclose(opinion.of(everything), scores, atol=1e-5)
        for k in (1, 5, 100):
            _, best = opinion.best(allowed, k)
            np.testing.assert_allclose(best, Dense(scores).best(allowed, k)[1], atol=1e-5)
            rows, _ = opinion.best(allowed, k)
            assert allowed[rows].all()
            assert (scores[rows] > 0).all()


class Logits:
    """Says what it is told to."""

    personalised = True

    def __init__(self, scores: list[list[float]]) -> None:
        self.scores = np.asarray(scores, np.float32)

    def score(self, queries: Queries, rows: None = None) -> np.ndarray:
        return self.scores


def test_of_logits_the_chances_are_said() -> None:
    """Negative ones too, as large as they come; what is not known is not said, even beside negative logits."""
    model = Logits([[-1.0, -1.0 - np.log(4), 0.0, -200.0], [1000.0, 990.0, 0.0, 999.0], [0.0, 0.0, 0.0, 0.0]])
    usual, large, nobody = (one.of(np.arange(4)) for one in Chances(model, 1.0).opinions(NOBODY))
    np.testing.assert_allclose(usual, [1, 0.25, 0, 0], atol=1e-6)
    np.testing.assert_allclose(large, [1, np.exp(-10), 0, np.exp(-1)], rtol=1e-4)
    assert not nobody.any()
    soft = next(iter(Chances(model, 0.5).opinions(NOBODY)))
    np.testing.assert_allclose(soft.of(np.arange(3)), [1, 0.5, 0], rtol=1e-5)
    assert next(iter(Scoring(model).opinions(NOBODY))).best(np.ones(4, bool), 4)[0].size == 0  # without: nothing


def test_what_is_allowed_last_is_found_too() -> None:
    scores = np.arange(1, 1001, dtype=np.float32)
    opinion = Dense(scores)
    allowed = np.zeros(1000, bool)
    allowed[:3] = True
    assert opinion.best(allowed, 10)[0].tolist() == [2, 1, 0]
