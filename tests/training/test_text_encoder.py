"""The text encoder of the catalogue: words come to mean alike because the same people turn to them."""

from __future__ import annotations

import numpy as np
import polars as pl
import scipy.sparse as sp

from serendip.data import Dataset, Tables, event_frame
from serendip.features.encoders import WordVectors
from serendip.training import FitOptions
from serendip.training.content_reader import ContentReader
from serendip.training.text_encoder import PASSAGES, CatalogueText, cut

OPTIONS = FitOptions(seed=1, threads=1)
WORDS = (
    ["kettle", "jasmine", "oolong", "brew", "infuser", "matcha"],
    ["tent", "ridge", "summit", "trail", "compass", "boots"],
    ["玩具", "积木", "拼图", "娃娃", "模型", "气球"],
)
"""Of each kind of things, words that share nothing with each other."""


def things(n_items: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Two words of its kind for each thing, among words that any thing may have, and which kind it is."""
    generator = np.random.default_rng(seed)
    kinds = np.arange(n_items) % 3
    some = ["blue", "large", "gift", "classic", "new"]
    return [" ".join([*generator.choice(WORDS[kind], 2), *generator.choice(some, 2)]) for kind in kinds], kinds


def tastes(kinds: np.ndarray) -> sp.csr_array:
    """Everybody likes six things of one kind."""
    generator = np.random.default_rng(2)
    liked = [generator.choice(np.flatnonzero(kinds == person % 3), 6, replace=False) for person in range(120)]
    cells = (np.ones(720, np.float32), (np.repeat(np.arange(120), 6), np.concatenate(liked)))
    return sp.csr_array(cells, shape=(120, len(kinds)))


def alike(said: np.ndarray, kinds: np.ndarray) -> float:
    """How often a new thing that shares no word with another is nearer to it if it is of its kind: by chance 0.5."""
    same = kinds[:, None] == kinds
    near = said @ said.T
    apart = ~np.eye(len(kinds), dtype=bool)
    return float((near[same & apart][:, None] > near[~same][None]).mean())


def test_words_that_the_same_people_turn_to_come_to_mean_alike() -> None:
    texts, kinds = things(150, 0)
    encoder = CatalogueText().fit(texts, np.ones(150, bool), tastes(kinds), OPTIONS)
    plain = WordVectors().fit(texts)
    single = [word for words in WORDS for word in words]
    of = np.repeat(np.arange(3), 6)
    assert alike(encoder.encode(single), of) > 0.97
    assert alike(plain.encode(single), of) < 0.9
    new, new_kinds = things(60, 7)
    assert alike(encoder.encode(new), new_kinds) > alike(plain.encode(new), new_kinds) + 0.05
    # Where people turn to anything, words mean no more than what they stand beside.
    anything = CatalogueText().fit(
        texts, np.ones(150, bool), tastes(np.random.default_rng(3).permutation(kinds)), OPTIONS
    )
    assert alike(anything.encode(new), new_kinds) < alike(encoder.encode(new), new_kinds) - 0.05


def test_a_text_is_found_by_a_few_of_its_words() -> None:
    texts, kinds = things(90, 4)
    named = [f"{text} number{place}" for place, text in enumerate(texts)]
    encoder = CatalogueText().fit(named, np.ones(90, bool), tastes(kinds), OPTIONS)
    asked = [f"number{place} {text.split()[0]}" for place, text in enumerate(texts)]
    found = (encoder.encode(asked) @ encoder.encode(named).T).argmax(axis=1)
    assert (found == np.arange(90)).mean() > 0.9


def test_what_says_nothing_is_zeros_and_what_is_restored_says_the_same() -> None:
    texts, kinds = things(60, 5)
    texts[3] = ""
    encoder = CatalogueText().fit(texts, np.array([bool(text) for text in texts]), tastes(kinds), OPTIONS)
    said = encoder.encode([*texts, "xyz"])
    np.testing.assert_allclose(np.linalg.norm(said, axis=1), [*([1] * 3), 0, *([1] * 56), 0], atol=1e-5)
    np.testing.assert_array_equal(CatalogueText().restore(encoder.arrays()).encode([*texts, "xyz"]), said)


def test_passages_are_parts_of_texts() -> None:
    texts = ["one two three four five six", "红色的茶壶", "one", ""]
    found = cut(texts, np.random.default_rng(0))
    assert len(found) == PASSAGES * 4
    for place, passage in enumerate(found):
        assert passage in texts[place % 4]
        assert len(passage.split()) <= 3
        assert passage or not texts[place % 4]
    assert len(set(found[::4])) > 1


def test_it_is_one_kind_of_content_and_reads_what_comes_later() -> None:
    texts, kinds = things(60, 6)
    people, rows = tastes(kinds).nonzero()
    events = event_frame(
        {"user_id": [f"p{person}" for person in people], "item_id": [f"i{row:02}" for row in rows], "type": "like"}
        | {"type": ["like"] * len(rows)}
    )
    items = pl.DataFrame({"item_id": [f"i{row:02}" for row in range(60)], "title": [*texts[:59], None]})
    data = Dataset.from_tables(Tables(events, items))
    reader = ContentReader("attributes+text:catalogue", 8, OPTIONS)
    found = reader.fit_encode(data, OPTIONS)
    assert list(found) == ["attributes", "text:catalogue"]
    again = ContentReader("attributes+text:catalogue", 8).restore(reader.arrays())
    for kind, vectors in again.encode(data.items.attributes).items():
        np.testing.assert_allclose(vectors, found[kind], atol=1e-5)
    new = pl.DataFrame({"item_id": ["a", "b"], "title": ["kettle", None]})
    said = again.encode(new)["text:catalogue"]
    assert said[0].any()
    assert not said[1].any()
