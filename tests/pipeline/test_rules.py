"""Rules of a shop: what each kind does to a list, what it never does, and that scores still add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serendip.data import InputError, Query, Recommendations
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.rules import Pins, Rule, Rules
from serendip.pipeline.tracing import trace

TEA_LOVER = ("tea-0", "tea-1", "tea-2")
QUERY = Query(history=TEA_LOVER, n=6, diversity=0)


def listed(pipeline: Pipeline, *rules: Rule, query: Query = QUERY) -> Recommendations:
    return pipeline.recommend(query, rules=Rules(rules))


def pin(*item_ids: str, at: int = 1, **more: Any) -> Rule:
    return Rule("pin", item_ids, position=at, **more)


def test_without_rules_nothing_changes(pipeline: Pipeline) -> None:
    assert listed(pipeline) == pipeline.recommend(QUERY)


def test_a_pin_puts_items_in_places_and_says_so(pipeline: Pipeline) -> None:
    plain = pipeline.recommend(QUERY).item_ids
    found = listed(pipeline, pin("coffee-5", "coffee-6", at=2))
    assert found.item_ids[1:3] == ["coffee-5", "coffee-6"]
    assert [id_ for id_ in found.item_ids if not id_.startswith("coffee-")] == plain[:4]
    assert [item.rank for item in found] == [1, 2, 3, 4, 5, 6]
    assert [item.source == "pin" for item in found] == [False, True, True, False, False, False]
    assert found[1].reasons[0].code == "pin"
    assert found[1].reasons[0].text == "The shop put it in this place"
    for item in found:
        assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-5)


@pytest.mark.parametrize("asked", [{}, {"filter": {"category": "tea"}}, {"without": ["coffee-1"]}, {"only": ["tea-4"]}])
def test_a_pin_is_no_permission(pipeline: Pipeline, asked: dict[str, Any]) -> None:
    """Not for what is hidden, seen before, or outside what the request asks for."""
    query = QUERY.model_copy(update=asked)
    forbidden = "coffee-1" if asked else "secret"
    assert listed(pipeline, pin(forbidden), query=query) == pipeline.recommend(query)
    assert listed(pipeline, pin("tea-0"), query=query) == pipeline.recommend(query)
    if asked:
        assert listed(pipeline, pin(forbidden))[0].item_id == forbidden


def test_hide_beats_pin(pipeline: Pipeline) -> None:
    hide = Rule("hide", filter="category == 'coffee'")
    assert listed(pipeline, hide, pin("coffee-1")) == listed(pipeline, hide)
    assert not [id_ for id_ in listed(pipeline, hide).item_ids if id_.startswith("coffee")]


def test_a_pinned_item_stands_nowhere_else(pipeline: Pipeline) -> None:
    best = pipeline.recommend(QUERY).item_ids[0]
    assert listed(pipeline, pin(best, at=4)).item_ids.index(best) == 3
    assert best not in listed(pipeline, pin(best, at=7)).item_ids, "a short list is the beginning of a longer one"
    longer = QUERY.model_copy(update={"n": 8})
    assert listed(pipeline, pin(best, at=7), query=longer).item_ids.index(best) == 6


def test_the_newest_keep_to_rules_too(pipeline: Pipeline) -> None:
    query = QUERY.model_copy(update={"order": "newest"})
    newest = pipeline.recommend(query).item_ids
    found = listed(pipeline, pin(newest[0], at=3), Rule("hide", (newest[1],)), query=query).item_ids
    assert found[2] == newest[0]
    assert len(found) == len(set(found)) == 6
    assert newest[1] not in found


def test_pins_that_want_one_place_follow_each_other() -> None:
    pins = Pins(np.array([7, 8, 9]), np.array([2, 2, 2]))
    assert pins.among(np.array([1, 2, 3, 4, 5]), 6).tolist() == [1, 7, 8, 9, 2, 3]
    assert pins.among(np.array([1]), 6).tolist() == [1, 7, 8, 9]
    assert pins.among(np.array([1, 2]), 3).tolist() == [1, 7, 8]
    assert Pins(np.array([9]), np.array([5])).among(np.array([1, 2]), 6).tolist() == [1, 2, 9]


def test_a_boost_multiplies_the_score_and_is_named(pipeline: Pipeline) -> None:
    plain = {item.item_id: item.score for item in pipeline.recommend(QUERY.model_copy(update={"n": 16}))}
    found = listed(pipeline, Rule("boost", filter={"category": "coffee"}, factor=3.0), query=QUERY)
    for item in found:
        factor = 3.0 if item.item_id.startswith("coffee") else 1.0
        assert item.score == pytest.approx(factor * plain[item.item_id], rel=1e-4)
        assert ("boost" in [reason.code for reason in item.reasons]) == (factor > 1)
        assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-5)
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)


def test_below_one_it_buries(pipeline: Pipeline) -> None:
    best = pipeline.recommend(QUERY)[0]
    query = QUERY.model_copy(update={"n": 16})
    found = {item.item_id: item for item in listed(pipeline, Rule("boost", (best.item_id,), factor=0.01), query=query)}
    buried = found[best.item_id]
    assert buried.rank > 5
    assert buried.score == pytest.approx(0.01 * best.score, rel=1e-3)
    assert [reason.contribution < 0 for reason in buried.reasons if reason.code == "bury"] == [True]
    assert sum(reason.contribution for reason in buried.reasons) == pytest.approx(buried.score, abs=1e-5)


def test_what_is_boosted_by_name_is_a_candidate(shop: Any) -> None:
    narrow = (
        'name = "narrow"\n[[sources]]\nmodel = "als"\ncandidates = 1\n[[sources]]\nmodel = "popular"\ncandidates = 1\n'
    )
    pipeline = Pipeline(Recipe.parse(narrow, "here")).fit(shop)
    query = Query(history=TEA_LOVER, n=1)
    assert pipeline.recommend(query).item_ids != ["coffee-3"]
    assert listed(pipeline, Rule("boost", ("coffee-3", "secret"), factor=1000.0), query=query).item_ids == ["coffee-3"]


def test_a_cap_holds_whatever_the_request_says_and_counts_what_is_pinned(pipeline: Pipeline) -> None:
    cap = Rule("cap", attribute="category", most=2)
    query = QUERY.model_copy(update={"max_per": {"category": 5}})
    for rules in ([cap], [cap, pin("tea-7", "tea-6", "tea-5")], [cap, Rule("cap", attribute="category", most=3)]):
        found = listed(pipeline, *rules, query=query)
        kinds = [item.attributes["category"] for item in found]
        assert max(kinds.count(kind) for kind in kinds) == 2
        if len(rules) == 2 and rules[1].kind == "pin":
            assert found.item_ids[:2] == ["tea-7", "tea-6"]
            assert "tea-5" not in found.item_ids
    strict = QUERY.model_copy(update={"max_per": {"category": 1}})
    kinds = [item.attributes["category"] for item in listed(pipeline, cap, query=strict)]
    assert len(kinds) == len(set(kinds))


def test_a_filter_is_what_every_item_satisfies(pipeline: Pipeline) -> None:
    found = listed(pipeline, Rule("filter", filter="price < 4 or category == 'ware'"), pin("coffee-7"))
    assert found.item_ids
    assert set(found.item_ids) <= {"tea-3", "cup"}
    with pytest.raises(InputError, match="cannot be read"):
        listed(pipeline, Rule("filter", filter="price <"))


def test_items_that_are_not_there_are_no_error(pipeline: Pipeline) -> None:
    rules = [Rule(kind, ("nothing",), factor=2.0) for kind in ("pin", "boost", "hide")]
    assert listed(pipeline, *rules).item_ids == pipeline.recommend(QUERY).item_ids


def test_a_trace_names_each_rule_and_adds_up(pipeline: Pipeline) -> None:
    rules = Rules(
        [
            Rule("hide", ("tea-4",), name="no tea 4"),
            Rule("filter", filter="price < 14", name="cheap"),
            pin("coffee-1", name="coffee first"),
            Rule("boost", ("tea-5",), factor=2.0, name="tea 5"),
        ]
    )
    told = trace(pipeline, QUERY, rules)
    assert list(told.item_ids) == pipeline.recommend(QUERY, rules=rules).item_ids
    assert told.pinned == ("coffee-1",)
    assert {one.name: one.lets_through for one in told.filters if one.name.startswith("rule")} == {
        "rule “no tea 4”": 17,
        "rule “cheap”": 14,
    }
    dropped = {one.item_id: one.dropped_by for source in told.sources for one in source.candidates}
    assert dropped["tea-4"] == "rule “no tea 4”"
    assert {one.item_id: one.listed_at for one in told.ranking}["coffee-1"] == 1
    for one in told.ranking:
        assert sum(one.shares.values()) == pytest.approx(one.score)


def test_what_rules_come_to_is_worked_out_once(pipeline: Pipeline) -> None:
    rules = Rules([Rule("hide", ("tea-4",))])
    assert rules.on(pipeline.catalogue) is rules.on(pipeline.catalogue)
    assert not Rules([pin("tea-4")]).unpinned
