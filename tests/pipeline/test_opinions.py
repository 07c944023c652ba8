"""However a model is asked, it says the same."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset
from serendip.pipeline.opinions import Alike, Dense, Following, Scoring, Searching, speaker
from serendip.retrieval import InvertedLists

WAYS = {"item_knn": Following, "slim": Following, "popular": Alike, "als": Searching, "ease": Scoring}


@pytest.mark.parametrize("name", list(WAYS))
def test_the_cheap_way_says_what_all_scores_say(name: str, shop: Dataset) -> None:
    model = models.make(name).fit(shop)
    index = InvertedLists.build(model.item_vectors()) if isinstance(model, models.Embeds) else None
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


def test_what_is_allowed_last_is_found_too() -> None:
    scores = np.arange(1, 1001, dtype=np.float32)
    opinion = Dense(scores)
    allowed = np.zeros(1000, bool)
    allowed[:3] = True
    assert opinion.best(allowed, 10)[0].tolist() == [2, 1, 0]
