"""Reasons add up, the strongest first, in the language asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.explanation import LANGUAGES, Share, reasons_of, say

numbers = st.floats(-10, 10, allow_nan=False)


@given(st.lists(numbers, max_size=20), numbers)
def test_reasons_add_up(contributions: list[float], popularity: float) -> None:
    shares = [Share("like", one, f"i{place}", f"Item {place}") for place, one in enumerate(contributions)]
    reasons = reasons_of([*shares, Share("popular", popularity)], "en")
    assert sum(reason.contribution for reason in reasons) == pytest.approx(sum(contributions) + popularity, abs=1e-6)
    named = [reason.contribution for reason in reasons if reason.code != "other"]
    assert named == sorted(named, reverse=True)
    assert all(one > 0 for one in named)
    assert len(named) <= 3


def test_every_language_says_every_reason() -> None:
    codes = set(LANGUAGES["en"])
    for language, words in LANGUAGES.items():
        assert set(words) == codes, language
        assert all(say(code, language, title="Tea", text="tea") for code in codes)


def test_unknown_languages_and_event_types_have_words() -> None:
    assert say("like", "tlh", title="Tea") == "Because you liked Tea"
    assert say("teleported", "en", title="Tea") == "Because of Tea"


def test_titles_are_put_in_as_they_are() -> None:
    hostile = "{text} {0} %s <script>"
    assert say("like", "en", title=hostile) == f"Because you liked {hostile}"
