"""Words to vectors."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.features import TextEncoder

TEXTS = ["Hiking boots, waterproof", "A travel book about hiking", "铜制摩卡壶", "陶瓷茶壶", "Café crème", ""]


def nearest(query: str) -> list[str]:
    encoder = TextEncoder().fit(TEXTS)
    match = (encoder.encode(TEXTS) @ encoder.encode([query]).T).toarray()[:, 0]
    return [TEXTS[row] for row in np.argsort(-match, kind="stable") if match[row] > 0]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("waterproof boots", "Hiking boots, waterproof"),
        ("boot", "Hiking boots, waterproof"),
        ("BOOTS", "Hiking boots, waterproof"),
        ("trav", "A travel book about hiking"),
        ("茶壶", "陶瓷茶壶"),
        ("摩卡", "铜制摩卡壶"),
        ("cafe\u0301", "Café crème"),
    ],
)
def test_words_find_their_text(query: str, best: str) -> None:
    assert nearest(query)[0] == best


def test_a_shared_word_finds_both() -> None:
    assert set(nearest("hiking")) == {"Hiking boots, waterproof", "A travel book about hiking"}


@pytest.mark.parametrize("query", ["", "   ", "zzz", "🦄", "!?"])
def test_what_is_not_there_finds_nothing(query: str) -> None:
    assert nearest(query) == []


def test_rows_have_length_one_or_zero() -> None:
    encoder = TextEncoder().fit(TEXTS)
    vectors = encoder.encode([*TEXTS, "unheard"])
    lengths = np.sqrt((vectors.multiply(vectors)).sum(axis=1))
    np.testing.assert_allclose(lengths, [1, 1, 1, 1, 1, 0, 0], atol=1e-6)
    assert vectors.dtype == np.float32


def test_an_empty_catalogue_encodes() -> None:
    assert TextEncoder().fit([]).encode(["tea"]).shape == (1, 0)
