"""One request, all the way: what is listed, what is left out, what is said, and why."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import scipy.sparse as sp

from serendip import models
from serendip.data import Dataset, HistoryEvent, InputError, Queries, Query, Tables, event_frame
from serendip.data.arrays import FloatArray
from serendip.pipeline import Pipeline, Recipe, reranking
from serendip.retrieval import Kind
from serendip.training import FitOptions

NOTHING_BUT_TEA = ("tea-0", "tea-1", "tea-2")


def test_a_history_is_answered_in_kind(pipeline: Pipeline) -> None:
    answer = pipeline.recommend(
        Query(history=NOTHING_BUT_TEA, n=5, diversity=0, filter={"category": ["tea", "coffee"]})
    )
    assert all(item.startswith("tea") for item in answer.item_ids)
    assert [item.rank for item in answer] == [1, 2, 3, 4, 5]
    assert not answer.warnings


def test_a_known_person_is_answered_from_their_history(pipeline: Pipeline, shop: Dataset) -> None:
    by_id = pipeline.recommend(Query(user="p1"))
    by_history = pipeline.recommend(Query(history=tuple(shop.history("p1"))))
    assert by_id.to_dict() == by_history.to_dict()


def test_a_stranger_gets_what_is_popular_and_is_told(pipeline: Pipeline) -> None:
    answer = pipeline.recommend(Query(user="nobody", diversity=0))
    assert answer.item_ids[0] == "cup"
    assert answer[0].source == "popular"
    assert [reason.code for reason in answer[0].reasons] == ["popular"]
    assert answer.warnings == ("nothing is known of 'nobody' yet",)


def test_contributions_add_up_to_the_score(shop: Dataset) -> None:
    linear = Recipe.parse(
        'name="linear"\n[[sources]]\nmodel="ease"\n[[sources]]\nmodel="item_knn"\n'
        '[[sources]]\nmodel="als"\n[[sources]]\nmodel="popular"\n',
        "here",
    )
    pipeline = Pipeline(linear).fit(shop)
    history = (
        *NOTHING_BUT_TEA,
        HistoryEvent(item_id="coffee-1", type="view"),
        HistoryEvent(item_id="tea-1", type="hide"),
    )
    answer = pipeline.recommend(Query(history=history, n=10, text="number"))
    assert len(answer) == 10
    for item in answer:
        assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-5)
    assert {evidence for item in answer for reason in item.reasons for evidence in reason.evidence} <= {
        *NOTHING_BUT_TEA,
        "coffee-1",
    }


def test_seen_items_stay_out_unless_the_recipe_says_otherwise(pipeline: Pipeline, shop: Dataset) -> None:
    query = Query(history=NOTHING_BUT_TEA, n=18)
    assert not set(NOTHING_BUT_TEA) & set(pipeline.recommend(query).item_ids)
    again = Recipe.parse('name="again"\n[[sources]]\nmodel="item_knn"\n[filters]\nseen=false\n', "here")
    assert set(NOTHING_BUT_TEA) & set(Pipeline(again).fit(shop).recommend(query).item_ids)


def test_hidden_items_are_never_listed(pipeline: Pipeline) -> None:
    assert "secret" not in pipeline.recommend(Query(n=100, only=frozenset({"secret", "cup"}))).item_ids
    assert "cup" in pipeline.recommend(Query(n=100)).item_ids
    fresh = with_attributes(pipeline, {id_: {"hidden": id_ == "cup"} for id_ in pipeline.items.ids()})
    assert "cup" not in fresh.recommend(Query(n=100)).item_ids


def with_attributes(pipeline: Pipeline, attributes: dict[str, dict[str, object]]) -> Pipeline:
    """The same pipeline over another catalogue; the one handed in stays as it is."""
    fresh = Pipeline(pipeline.recipe)
    fresh.__dict__.update(pipeline.__dict__)
    fresh.refresh_items(attributes)
    return fresh


def test_where_there_is_a_catalogue_what_is_not_in_it_is_not_listed(pipeline: Pipeline) -> None:
    deleted = with_attributes(pipeline, {id_: {"title": id_} for id_ in pipeline.items.ids() if id_ != "cup"})
    assert "cup" not in deleted.recommend(Query(n=100)).item_ids
    assert "cup" in with_attributes(pipeline, {}).recommend(Query(n=100)).item_ids


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"category": "tea"}, lambda id_: id_.startswith("tea")),
        ({"category": ["coffee", "ware"]}, lambda id_: not id_.startswith("tea")),
        ({"tags": "green"}, lambda id_: id_.startswith("tea")),
        ({"price": {"max": 3}}, lambda id_: id_ in {"tea-0", "tea-1", "tea-2", "tea-3"}),
        ({"price": {"min": 8, "max": 15}}, lambda id_: id_.startswith("coffee")),
    ],
)
def test_a_filter_keeps_what_matches(pipeline: Pipeline, rules: dict[str, object], expected: object) -> None:
    ids = pipeline.recommend(Query(n=100, filter=rules)).item_ids
    everything = pipeline.recommend(Query(n=100)).item_ids
    assert sorted(ids) == sorted(id_ for id_ in everything if expected(id_))
    assert ids


@pytest.mark.parametrize(
    "rules", [{"price": {"max": "cheap"}}, {"price": {"below": 3}}, {"price": {}}, {"tags": [{"a": 1}]}]
)
def test_a_filter_that_makes_no_sense_is_named(pipeline: Pipeline, rules: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"filter '{next(iter(rules))}'"):
        pipeline.recommend(Query(filter=rules))


def test_an_empty_list_says_why(pipeline: Pipeline) -> None:
    assert pipeline.recommend(Query(filter={"category": "boots"})).warnings == ("no item is left after the filters",)
    assert pipeline.recommend(Query(text="hippopotamus")).warnings == ("no item matches the words",)


def test_without_and_only(pipeline: Pipeline) -> None:
    assert pipeline.recommend(Query(only=frozenset({"tea-3", "unheard"}))).item_ids == ["tea-3"]
    assert "cup" not in pipeline.recommend(Query(n=100, without=frozenset({"cup"}))).item_ids


def test_words_narrow_the_list_in_both_languages(pipeline: Pipeline) -> None:
    assert all(id_.startswith("coffee") for id_ in pipeline.recommend(Query(text="coff", n=20)).item_ids)
    answer = pipeline.recommend(Query(text="咖啡", n=20, context={"language": "zh"}))
    assert len(answer) == 8
    assert answer[0].reasons[0].text == "符合“咖啡”"


def test_words_and_taste_count_together(pipeline: Pipeline) -> None:
    """Among equal matches, taste decides."""
    tastes = pipeline.recommend(Query(text="number", history=NOTHING_BUT_TEA, n=20, diversity=0)).item_ids
    assert all(id_.startswith("tea") for id_ in tastes[:5])


def test_without_personalisation_the_history_orders_nothing(pipeline: Pipeline) -> None:
    anybody = pipeline.recommend(Query(n=20, without=frozenset(NOTHING_BUT_TEA)))
    plain = pipeline.recommend(Query(history=NOTHING_BUT_TEA, n=20, personalization=False))
    assert plain.item_ids == anybody.item_ids
    assert {reason.code for item in plain for reason in item.reasons} == {"popular"}
    assert plain.item_ids != pipeline.recommend(Query(history=NOTHING_BUT_TEA, n=20)).item_ids


def test_diversity_mixes_the_kinds(pipeline: Pipeline) -> None:
    def kinds(diversity: float) -> int:
        ids = pipeline.recommend(Query(history=NOTHING_BUT_TEA, n=5, diversity=diversity)).item_ids
        return len({id_.split("-")[0] for id_ in ids} - {"cup"})

    assert kinds(0.0) == 1
    assert kinds(0.9) == 2


def test_unknown_items_of_a_history_are_said_and_left_out(pipeline: Pipeline) -> None:
    answer = pipeline.recommend(Query(history=("unheard", *NOTHING_BUT_TEA)))
    assert answer.warnings == ("1 of the history's items are not known to the model, such as 'unheard'",)
    assert answer.item_ids == pipeline.recommend(Query(history=NOTHING_BUT_TEA)).item_ids


def test_a_history_with_times_is_put_in_order(pipeline: Pipeline) -> None:
    hidden_last = (
        HistoryEvent(item_id="tea-0", type="hide", timestamp=2_000),
        HistoryEvent(item_id="tea-0", timestamp=1_000),
    )
    liked_last = (
        HistoryEvent(item_id="tea-0", type="hide", timestamp=1_000),
        HistoryEvent(item_id="tea-0", timestamp=2_000),
    )
    codes = [
        {reason.code for item in pipeline.recommend(Query(history=one)) for reason in item.reasons}
        for one in (hidden_last, liked_last)
    ]
    assert "history" not in codes[0]
    assert "history" in codes[1]


def test_similar_items(pipeline: Pipeline) -> None:
    answer = pipeline.similar("tea-0", Query(n=3, diversity=0, without=frozenset({"cup"})))
    assert all(id_.startswith("tea") and id_ != "tea-0" for id_ in answer.item_ids)
    assert pipeline.similar("unheard").warnings == ("the item 'unheard' is not known to the model",)


def test_similar_by_behaviour_by_content_or_by_both(pipeline: Pipeline) -> None:
    """Everybody buys the cup, and nothing is said of it that is said of tea."""
    found = {
        by: pipeline.similar("tea-0", Query(n=9, diversity=0, alike=by)) for by in ("behaviour", "content", "both")
    }
    assert "cup" in found["behaviour"].item_ids
    assert "cup" not in found["content"].item_ids
    assert found["content"].item_ids[0].startswith("tea")
    assert {reason.code for item in found["content"] for reason in item.reasons} == {"alike"}
    codes = {reason.code for item in found["both"] for reason in item.reasons}
    assert {"alike", "like"} <= codes or {"alike", "history"} <= codes
    for answer in found.values():
        assert all(sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score) for item in answer)


def test_given_items_are_ordered_all_of_them(pipeline: Pipeline) -> None:
    answer = pipeline.order(
        Query(history=NOTHING_BUT_TEA), ["unheard", "coffee-0", "tea-0", "tea-4", "secret", "tea-4"]
    )
    assert set(answer.item_ids[:2]) == {"tea-0", "tea-4"}
    assert answer.item_ids[-1] == "unheard"
    assert sorted(answer.item_ids) == ["coffee-0", "secret", "tea-0", "tea-4", "unheard"]
    assert [item.rank for item in answer] == [1, 2, 3, 4, 5]


def test_the_batch_lists_what_the_single_request_lists(pipeline: Pipeline, shop: Dataset) -> None:
    queries = shop.histories()
    rows = pipeline.rank(queries, 5, queries.matrix(shop.n_items))
    for person, user_id in enumerate(shop.users.vocabulary.ids()):
        scores = {item.item_id: item.score for item in pipeline.recommend(Query(user=user_id, n=18, diversity=0))}
        batch = [scores[item] for item in shop.items.vocabulary.ids(rows[person][rows[person] >= 0])]
        single = [scores[item] for item in pipeline.recommend(Query(user=user_id, n=5)).item_ids]
        assert batch == pytest.approx(single, abs=1e-5)  # ties may fall either way by the last bit


def test_the_same_seed_gives_the_same_lists(pipeline: Pipeline, shop: Dataset) -> None:
    again = Pipeline(pipeline.recipe).fit(shop)
    assert again.recommend(Query(user="p3")).to_dict() == pipeline.recommend(Query(user="p3")).to_dict()


def test_nothing_to_learn_from_is_said() -> None:
    views = event_frame({"user_id": ["a"], "item_id": ["x"], "type": ["skip"]})
    with pytest.raises(InputError, match="nothing to learn from"):
        Pipeline(Recipe.named("default")).fit(Dataset.from_tables(Tables(views)))


def test_answers_convert(pipeline: Pipeline) -> None:
    answer = pipeline.recommend(Query(user="p1", n=3))
    frame = answer.to_polars()
    assert frame.columns == ["rank", "item_id", "score", "source", "reason"]
    assert frame["item_id"].to_list() == answer.item_ids
    plain = answer.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert "reasons" not in answer.to_dict(reasons=False)["items"][0]
    assert np.isfinite(frame["score"].to_numpy()).all()


def test_no_more_of_a_kind_than_the_cap(pipeline: Pipeline) -> None:
    ask = Query(history=NOTHING_BUT_TEA, n=6, diversity=0.3, max_per={"category": 2})
    kinds = [item.attributes["category"] for item in pipeline.recommend(ask)]
    assert max(kinds.count(kind) for kind in kinds) == 2
    without = [item.attributes["category"] for item in pipeline.recommend(ask.model_copy(update={"max_per": {}}))]
    assert max(without.count(kind) for kind in without) > 2  # the cap is what holds them back


def test_a_cap_of_the_recipe_holds_beside_that_of_the_request(shop: Dataset) -> None:
    recipe = Recipe.named("default")
    capped = recipe.model_copy(update={"reranking": recipe.reranking.model_copy(update={"max_per": {"category": 1}})})
    pipeline = Pipeline(capped).fit(shop)
    kinds = [item.attributes["category"] for item in pipeline.recommend(Query(history=NOTHING_BUT_TEA, n=10))]
    assert sorted(kinds) == ["coffee", "tea", "ware"]
    assert len(pipeline.recommend(Query(history=NOTHING_BUT_TEA, n=10, max_per={"tags": 1}))) == 1  # all are hot


def test_what_is_out_of_stock_is_not_listed(shop: Dataset) -> None:
    pipeline = Pipeline(Recipe.named("default")).fit(shop)
    best = pipeline.recommend(Query(history=NOTHING_BUT_TEA, n=1)).item_ids[0]
    for stock, listed in ((0, False), (-1, False), (3, True), ("few", True)):
        records = dict(zip(pipeline.items.ids(), pipeline.catalogue.records, strict=True))
        pipeline.refresh_items({**records, best: {**records[best], "stock": stock}})
        assert (best in pipeline.recommend(Query(history=NOTHING_BUT_TEA, n=20)).item_ids) is listed


def test_the_hard_rules_have_the_last_word(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = pipeline.items.row("secret")
    best = reranking.best_of

    def careless(rows: np.ndarray, scores: np.ndarray, k: int, n_items: int) -> tuple[np.ndarray, np.ndarray]:
        found, values = best(rows, scores, k, n_items)
        return np.r_[np.int32(hidden), found], np.r_[np.float32(9), values]

    monkeypatch.setattr(reranking, "best_of", careless)
    ask = Query(history=NOTHING_BUT_TEA, n=5)
    assert hidden in pipeline.course(ask).pool.tolist()  # it got as far as that
    assert "secret" not in pipeline.recommend(ask).item_ids


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_large_catalogue_lists_by_an_index_what_it_lists_without(kind: Kind, shop: Dataset, tmp_path: Path) -> None:
    recipe = Recipe.named("large")
    plain = Pipeline(recipe).fit(shop)
    settings = recipe.retrieval.model_copy(update={"index_from": 1, "index": kind, "slack": 1.0})
    indexed = Pipeline(recipe.model_copy(update={"retrieval": settings})).fit(shop)
    assert set(indexed._sources.indexes) == {"als"}
    assert not plain._sources.indexes
    indexed.save(tmp_path)
    opened = Pipeline.load(tmp_path)
    assert type(opened._sources.indexes["als"]) is type(indexed._sources.indexes["als"])
    for user in ("p1", "p2", "nobody"):
        ours, theirs = indexed.recommend(Query(user=user)), plain.recommend(Query(user=user))
        assert ours.item_ids == theirs.item_ids
        assert [item.score for item in ours] == pytest.approx([item.score for item in theirs], abs=1e-5)
        history = shop.history(user)
        again = opened.recommend(Query(history=history, n=5))
        assert again.to_dict() == indexed.recommend(Query(history=history, n=5)).to_dict()


def test_models_are_told_that_it_is_now(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    ease, heard = pipeline.models["ease"], []
    score = ease.score

    def listening(queries: Queries, rows: None = None) -> FloatArray:
        heard.append(queries.asked_ms)
        return score(queries)

    monkeypatch.setattr(ease, "score", listening)
    before_ms = time.time_ns() // 1_000_000
    pipeline.recommend(Query(history=NOTHING_BUT_TEA))
    assert len(heard) == 1
    assert heard[0] is not None
    assert before_ms <= heard[0][0] <= time.time_ns() // 1_000_000


def test_models_hear_the_words_of_a_request(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    ease, heard = pipeline.models["ease"], []
    score = ease.score

    def listening(queries: Queries, rows: None = None) -> FloatArray:
        heard.append(queries.words)
        return score(queries)

    monkeypatch.setattr(ease, "score", listening)
    pipeline.recommend(Query(history=NOTHING_BUT_TEA, text="green tea"))
    pipeline.recommend(Query(history=NOTHING_BUT_TEA))
    assert heard == [("green tea",), ("",)]


def test_a_source_of_logits_is_blended_by_its_chances(shop: Dataset) -> None:
    """Blended as they are, negative logits would leave the source without a word."""
    settings = {"epochs": 3, "patience": 0}
    source = {"name": "sasrec", "model": "sasrec", "config": settings, "chances": 1.0}
    recipe = Recipe(name="reading", sources=[source, {"model": "popular", "weight": 0.01}])
    pipeline = Pipeline(recipe).fit(shop, FitOptions(threads=1))
    queries = shop.histories()[:5]
    listed = pipeline.rank(queries, 3, sp.csr_array((5, shop.n_items), dtype=bool))
    logits = models.make("sasrec", settings).fit(shop, FitOptions(threads=1)).score(queries)
    for rows, scores in zip(listed, logits, strict=True):
        known = np.flatnonzero(scores)
        assert rows[0] == known[scores[known].argmax()]


def test_the_card_keeps_how_learning_went(shop: Dataset) -> None:
    table = {"name": "net", "sources": [{"model": "mult_vae", "config": {"epochs": 3}}, {"model": "popular"}]}
    card = Pipeline(Recipe.model_validate(table)).fit(shop, FitOptions(threads=1)).card
    (curve,) = card["curves"]
    assert (curve["source"], curve["label"]) == ("mult_vae", "Mult-VAE")
    assert 1 <= len(curve["losses"]) <= 3
    assert all(np.isfinite(curve["losses"]))
    assert len(curve["grades"]) in (0, len(curve["losses"]))
