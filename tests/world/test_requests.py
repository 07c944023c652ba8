"""Requests: they mean what they say they mean, in the language asked for, and never repeat a title."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.world import World
from serendip.world.requests import FEW, _enough, _facts, _said, requests


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("paraphrased", [False, True])
def test_requests_say_what_the_thing_is_in_other_sentences(small_world, language: str, paraphrased: bool) -> None:
    world: World = small_world()
    items = world.catalogue.items
    found = requests(items, 200, language, np.random.default_rng(0), paraphrased)
    assert len({request.row for request in found}) == len(found) == 200
    chinese = language == "zh"
    own_words = 0
    for text, row in found:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text) == chinese
        assert items[row].title[chinese] not in text
        own_words += items[row].kind.name[chinese].lower() in text.lower()
    assert own_words == 200 if not paraphrased else 20 < own_words < 160
    assert found == requests(items, 200, language, np.random.default_rng(0), paraphrased)


def test_no_more_than_a_few_things_are_meant(small_world) -> None:
    items = small_world().catalogue.items
    facts = [_facts(item) for item in items]
    alike: dict = {}
    for row, own in enumerate(facts):
        for fact in own:
            alike.setdefault(fact[:2], set()).add(row)
    generator = np.random.default_rng(0)
    for row, own in enumerate(facts):
        told = _enough(own, alike, generator)
        meant = [other for other, its in enumerate(facts) if {one[:2] for one in told} <= {one[:2] for one in its}]
        assert row in meant
        assert told[0].facet == "kind"
        assert len(meant) <= FEW


def test_other_words_are_other_words(small_world) -> None:
    for item in small_world().catalogue.items:
        for fact in _facts(item):
            if fact.otherwise is not None:
                for language in ("en", "zh"):
                    assert _said(fact, language, True).lower() != _said(fact, language, False).lower()
