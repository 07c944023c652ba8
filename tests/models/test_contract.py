"""What every model promises. A new file in `models/` is tested here without another line.

The example of docs/write_a_model.md is put through the same tests as if its file lay in that folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
import pytest
import torch

from serendip import models
from serendip.data import Dataset, Queries, Signals, Tables, event_frame
from serendip.data.arrays import Sparse
from serendip.errors import DamagedArtifactError, InputError
from serendip.models import Model, ModelConfig, NotSearched, Search
from serendip.retrieval import top_k
from serendip.training import FitOptions

PAGE = Path(__file__).parents[2] / "docs" / "write_a_model.md"
EXAMPLE = "also_wanted"
SIDE = 50
TITLE_WORDS = ["red", "green", "blue", "round", "square", "old", "new", "cup", "lamp", "chair"]
OPTIONS = FitOptions(seed=7, threads=1)


@pytest.fixture(params=[*models.names(), EXAMPLE])
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of each model in turn, the one written in the documentation last."""
    if request.param == EXAMPLE:
        (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        folder = tmp_path / "models"
        folder.mkdir()
        (folder / f"{EXAMPLE}.py").write_text(code, encoding="utf-8")
        monkeypatch.setattr(models, "__path__", [*models.__path__, str(folder)])
        # Registered and taken back, so that the module does not outlive the test.
        monkeypatch.setitem(sys.modules, f"serendip.models.{EXAMPLE}", None)
        del sys.modules[f"serendip.models.{EXAMPLE}"]
    return str(request.param)


def dataset(users: list[str], items: list[str], types: list[str] | str = "like") -> Dataset:
    kinds = [types] * len(users) if isinstance(types, str) else types
    return Dataset.from_tables(Tables(event_frame({"user_id": users, "item_id": items, "type": kinds})))


def checkerboard() -> Dataset:
    """Person u gives item i five stars where both are even or both odd, except that u has never met item u.

    Of the others they have given half the items one star. What an item is called says whether it is even. The order of
    events says nothing.
    """
    pairs = [(u, i) for u in range(SIDE) for i in range(SIDE) if u != i and (u % 2 == i % 2 or (u + i) % 4 == 1)]
    np.random.default_rng(1).shuffle(pairs)
    columns = {
        "user_id": [f"{u:02}" for u, _ in pairs],
        "item_id": [f"{i:02}" for _, i in pairs],
        "type": ["rating"] * len(pairs),
        "value": [5.0 if u % 2 == i % 2 else 1.0 for u, i in pairs],
    }
    items = {
        "item_id": [f"{i:02}" for i in range(SIDE)],
        "title": ["an odd thing" if i % 2 else "an even thing" for i in range(SIDE)],
    }
    users = event_frame({"user_id": [f"{u:02}" for u in range(SIDE)]}).select("user_id")
    return Dataset.from_tables(Tables(event_frame(columns), pl.DataFrame(items), users))


def crowd(seed: int = 3) -> Dataset:
    """60 people of two tastes, 40 items of which the last 5 are never met, every type of event, repeats, vetoes.

    Two of three ratings have a value; of all items only the last has no title.
    """
    generator = np.random.default_rng(seed)
    people = generator.integers(0, 60, 900)
    things = (generator.integers(0, 25, 900) + 10 * (people % 2)) % 35
    types = generator.choice([*Signals().weights], 900)
    stars = np.where(generator.random(900) < 0.67, np.minimum(5, 1 + (things + people) % 7), np.nan)
    columns = {
        "user_id": [f"u{row}" for row in people],
        "item_id": [f"i{row}" for row in things],
        "type": types.tolist(),
        "value": np.where(types == "rating", stars, np.nan),
        "time_ms": np.sort(generator.integers(1_700_000_000_000, 1_710_000_000_000, 900)),
    }
    titles = [f"{TITLE_WORDS[row % 7]} {TITLE_WORDS[7 + row % 3]}" for row in range(39)]
    items = pl.DataFrame({"item_id": [f"i{row}" for row in range(40)], "title": [*titles, None]})
    return Dataset.from_tables(Tables(event_frame(columns), items))


def of(known: Queries, which: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The histories of a batch that are asked for, one by one."""
    parts = [slice(*known.offsets[query : query + 2]) for query in which]
    return [(known.item_rows[part], known.times_ms[part], known.signals[part]) for part in parts]


def histories() -> Queries:
    """Everybody's history, then an empty one, one of a never-met item, one of vetoes, and one very long."""
    known = crowd().histories()
    everything = np.arange(40)
    more = [
        (np.empty(0), np.empty(0), np.empty(0)),
        (np.array([39]), np.zeros(1), np.ones(1)),
        (np.array([1, 2]), np.zeros(2), np.array([-1.0, 0.0])),
        (np.tile(everything, 3), np.zeros(120), np.ones(120)),
    ]
    assert known.values is not None
    ratings = [known.values, *(np.full(len(items), np.nan) for items, _, _ in more)]
    return Queries.of_histories([*of(known, range(len(known))), *more], ratings)


EMPTY, NEVER_MET, VETOES = -4, -3, -2


def fit(name: str, data: Dataset | None = None, options: FitOptions = OPTIONS) -> Model:
    return models.make(name).fit(crowd() if data is None else data, options)


@cache
def once(name: str) -> Model:
    """Fitted on the crowd, for tests that only ask it: those of gradient models would take minutes otherwise."""
    return fit(name)


def best_unseen(model: Model, queries: Queries, seen: Sparse, k: int) -> np.ndarray:
    scores = model.score(queries)
    scores[seen.nonzero()] = -np.inf
    return top_k(scores, k)[0]


def test_finds_the_withheld_diagonal_of_the_checkerboard(name: str) -> None:
    data = checkerboard()
    model = fit(name, data)
    scores = model.score(data.histories())
    if not model.personalised:  # then it must not pretend: one answer for all
        np.testing.assert_array_equal(scores, np.tile(scores[0], (SIDE, 1)))
        return
    found = best_unseen(model, data.histories(), data.matrix(), 1)[:, 0]
    np.testing.assert_array_equal(found, np.arange(SIDE))


def test_same_seed_same_scores(name: str) -> None:
    first, second = once(name), fit(name)
    np.testing.assert_array_equal(first.score(histories()), second.score(histories()))


def test_fit_leaves_the_global_random_state_alone(name: str) -> None:
    before, torch_before = np.random.get_state(), torch.get_rng_state()
    model = fit(name)
    models.make(name).restore(model.weights()).score(histories())
    after = np.random.get_state()
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2] == after[2]


def test_threads_do_not_change_the_answer(name: str) -> None:
    one, two = once(name), fit(name, options=FitOptions(seed=7, threads=2))
    np.testing.assert_allclose(one.score(histories()), two.score(histories()), atol=1e-4)


def test_scores_are_finite_float32_of_the_promised_shape(name: str) -> None:
    scores = once(name).score(histories())
    assert scores.shape == (len(histories()), 40)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_candidates_score_as_in_the_full_ranking(name: str) -> None:
    model, queries = once(name), histories()
    rows = np.random.default_rng(0).integers(0, 40, (len(queries), 6))
    some = model.score(queries, rows)
    assert some.dtype == np.float32
    np.testing.assert_allclose(some, np.take_along_axis(model.score(queries), rows, axis=1), atol=1e-5)


def test_a_batch_equals_one_by_one(name: str) -> None:
    model, queries = once(name), histories()
    singly = np.concatenate([model.score(queries[place : place + 1]) for place in range(len(queries))])
    np.testing.assert_allclose(model.score(queries), singly, atol=1e-5)


def test_no_queries_no_scores(name: str) -> None:
    assert once(name).score(histories()[0:0]).shape == (0, 40)


def test_writing_into_scores_does_not_reach_the_model(name: str) -> None:
    model = once(name)
    before = model.score(histories())
    model.score(histories())[:] = -np.inf
    np.testing.assert_array_equal(model.score(histories()), before)


def test_a_person_never_seen_in_training_is_served_from_their_history(name: str) -> None:
    data = checkerboard()
    strangers = np.arange(SIDE) < 10
    known = data.with_events(~strangers[data.events.user_rows])
    model = fit(name, known)
    new_people = data.histories(np.arange(10))
    found = best_unseen(model, new_people, new_people.matrix(SIDE), 1)[:, 0]
    assert (found >= 0).all()
    if model.personalised:
        np.testing.assert_array_equal(found, np.arange(10))


def test_nothing_to_go_by_scores_as_declared(name: str) -> None:
    model = once(name)
    scores = model.score(histories())
    for query in (EMPTY, NEVER_MET, VETOES):
        expected = np.zeros(40) if model.personalised else scores[0]
        np.testing.assert_array_equal(scores[query], expected)


def test_vetoes_and_repeats_change_nothing(name: str) -> None:
    model = once(name)
    plain = (np.array([1, 2]), np.arange(2), np.ones(2))
    noisy = (np.array([1, 3, 1, 2, 1, 3]), np.arange(6), np.array([1.0, 1.0, 1.0, 1.0, 0.2, -1.0]))
    scores = model.score(Queries.of_histories([plain, noisy]))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_seen_items_stay_out_when_asked(name: str) -> None:
    data = crowd()
    seen = data.histories().matrix(40)
    rows = best_unseen(once(name), data.histories(), seen, 10)
    known = seen.toarray() > 0
    assert not np.take_along_axis(known, rows, axis=1)[rows >= 0].any()
    # Without the mask seen items do come back, so the line above can fail.
    unmasked = top_k(once(name).score(data.histories()), 10)[0]
    assert np.take_along_axis(known, unmasked, axis=1).any()


def test_fit_leaves_the_dataset_unchanged(name: str) -> None:
    data, untouched = crowd(), crowd()
    fit(name, data)
    fit(name, data)
    np.testing.assert_array_equal(data.matrix().toarray(), untouched.matrix().toarray())
    for column in ("user_rows", "item_rows", "times_ms", "signals", "values"):
        np.testing.assert_array_equal(getattr(data.events, column), getattr(untouched.events, column))


def test_data_without_a_preference_scores_zero(name: str) -> None:
    for data in (dataset(["ann", "bo"], ["tea", "cake"], "skip"), Dataset.from_tables(Tables())):
        history = (np.arange(data.n_items), np.zeros(data.n_items), np.ones(data.n_items))
        scores = fit(name, data).score(Queries.of_histories([history]))
        np.testing.assert_array_equal(scores, np.zeros((1, data.n_items)))


def test_one_person_and_one_item_are_enough(name: str) -> None:
    data = dataset(["ann"], ["tea"])
    assert np.isfinite(fit(name, data).score(data.histories())).all()


def test_contributions_add_up_to_the_score(name: str) -> None:
    model, queries = once(name), histories()
    if not isinstance(model, models.Attributes):
        pytest.skip(f"{name} offers no contributions")
    rows = np.tile(np.arange(40), (len(queries), 1))[:, ::-1][:, :30]
    parts = model.contributions(queries, rows)
    assert parts.shape == (len(queries.item_rows), 30)
    assert parts.dtype == np.float32
    totals = np.zeros((len(queries), 30))
    np.add.at(totals, queries.query_rows, parts)
    np.testing.assert_allclose(totals, model.score(queries, rows), atol=1e-5)
    np.testing.assert_array_equal(parts[queries.weights == 0], 0.0)


def test_an_item_map_leads_to_the_score(name: str) -> None:
    if not issubclass(models.load(name), models.Maps):
        pytest.skip("it is no item map")
    model = cast("models.Maps", fit(name, checkerboard()))
    queries = checkerboard().histories()
    item_map, memory = model.item_map()
    expected = (queries.matrix(SIDE, memory) @ item_map).toarray()
    np.testing.assert_allclose(cast("Model", model).score(queries), expected, atol=1e-5)


def test_vectors_multiply_to_the_score(name: str) -> None:
    model = once(name)
    if not isinstance(model, models.Embeds):
        pytest.skip(f"{name} has no vectors")
    product = model.query_vectors(histories()) @ model.item_vectors().T
    np.testing.assert_allclose(product, cast("Model", model).score(histories()), atol=1e-5)


def rater(name: str, data: Dataset) -> models.Rates:
    if not issubclass(models.load(name), models.Rates):
        pytest.skip(f"{name} predicts no ratings")
    return cast("models.Rates", fit(name, data))


def test_ratings_are_finite_and_within_the_range_of_those_given(name: str) -> None:
    model = rater(name, crowd())
    rows = np.tile(np.arange(40), (len(histories()), 1))
    rated = model.rate(histories(), rows)
    assert rated.shape == rows.shape
    assert rated.dtype == np.float32
    assert np.isfinite(rated).all()
    assert rated.min() >= 1
    assert rated.max() <= 5
    singly = [model.rate(histories()[place : place + 1], rows[:1]) for place in range(len(rows))]
    np.testing.assert_allclose(rated, np.concatenate(singly), atol=1e-4)
    shuffled = model.rate(histories(), rows[:, ::-1])
    np.testing.assert_allclose(rated, shuffled[:, ::-1], atol=1e-4)


def test_ratings_know_the_withheld_diagonal_of_the_checkerboard(name: str) -> None:
    data = checkerboard()
    model = rater(name, data)
    people = np.arange(SIDE)
    own = model.rate(data.histories(), people[:, None])
    # (u + i) % 4 == 3 and u + i odd: pairs that nobody has rated, of the kind that is rated 1.
    others = model.rate(data.histories(), ((3 - people) % 4)[:, None])
    assert (own - others).min() > 1


def test_where_nobody_has_rated_anything_ratings_are_0(name: str) -> None:
    model = rater(name, dataset(["ann", "bo"], ["tea", "cake"]))
    liked = (np.arange(2), np.zeros(2), np.ones(2))
    np.testing.assert_array_equal(model.rate(Queries.of_histories([liked]), np.array([[0, 1]])), np.zeros((1, 2)))


def forgetful(name: str, data: Dataset) -> models.Forgets:
    if not issubclass(models.load(name), models.Forgets):
        pytest.skip(f"{name} forgets nothing exactly")
    return cast("models.Forgets", fit(name, data))


def assert_same_weights(one: Model, other: Model) -> None:
    assert one.weights().keys() == other.weights().keys()
    for key, array in other.weights().items():
        np.testing.assert_allclose(one.weights()[key], array, atol=1e-8, rtol=0)


def test_to_forget_people_is_to_fit_without_them(name: str) -> None:
    data, gone = crowd(), np.array([4, 17])
    model = forgetful(name, data)
    forgotten = model.exchange(data.histories(gone), Queries.of_histories([(np.empty(0),) * 3] * 2))
    assert forgotten is model
    without = fit(name, data.with_events(~np.isin(data.events.user_rows, gone)))
    assert_same_weights(model, without)
    # What is forgotten was there to be forgotten.
    assert not np.allclose(fit(name, data).score(histories()), without.score(histories()), atol=1e-5)


def test_to_forget_or_to_learn_an_event_is_to_fit_on_the_changed_history(name: str) -> None:
    data = crowd()
    event = int(np.flatnonzero(data.histories().weights > 0)[50])
    person = int(data.histories().query_rows[event])
    own = np.flatnonzero(data.events.user_rows == person)
    place = event - int(data.histories().offsets[person])
    kept = np.ones(len(data.events), np.bool_)
    kept[own[place]] = False
    less = data.with_events(kept)
    before, after = data.histories(np.array([person])), less.histories(np.array([person]))
    assert_same_weights(forgetful(name, data).exchange(before, after), fit(name, less))
    assert_same_weights(forgetful(name, less).exchange(after, before), fit(name, data))


def test_an_exchange_of_batches_that_differ_in_length_is_refused(name: str) -> None:
    model = forgetful(name, crowd())
    with pytest.raises(ValueError, match="2 histories"):
        model.exchange(histories()[0:2], histories()[0:1])


LEARNED: dict[str, float] = {"als": 0.98}
"""How far the scores of a model that learned correlate with those of one fitted anew; all others are exact to 1e-6."""


def later(data: Dataset, n_events: int = 700) -> Dataset:
    """The events of `data` but for the last of them."""
    return data.with_events(np.arange(n_events))


def learner(name: str, data: Dataset) -> models.Learns:
    model = fit(name, data)
    if not isinstance(model, models.Learns):
        pytest.skip(f"{name} learns by being fitted")
    return model


def assert_scores_like(name: str, model: object, other: object) -> None:
    one, two = (cast("Model", it).score(histories()) for it in (model, other))
    if name in LEARNED:
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] >= LEARNED[name]
    else:
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_to_learn_what_people_did_since_is_to_fit_again(name: str) -> None:
    data = crowd()
    new_items, new_people = data.matrix().indices[-40:][:2], data.events.user_rows[-2:]
    known = ~np.isin(data.events.item_rows, new_items) & ~np.isin(data.events.user_rows, new_people)
    known[700:] = False
    old = data.with_events(known)
    model, fresh, stale = learner(name, old), fit(name, data), fit(name, old)
    assert model.learn(old.histories(), data.histories()) is model
    assert_scores_like(name, model, fresh)
    with pytest.raises(AssertionError):
        assert_scores_like(name, stale, fresh)


def test_what_is_learned_step_by_step_is_learned(name: str, tmp_path: Path) -> None:
    """Saved and opened between the steps, a stranger comes, and nothing new is news too."""
    data, steps = crowd(), (500, 640, 640, 900)
    model: object = learner(name, later(data, steps[0]))
    for place, (done, more) in enumerate(pairwise(steps)):
        models.save(cast("Model", model), tmp_path / str(place))
        model = models.open_saved(tmp_path / str(place))
        assert isinstance(model, models.Learns)
        model.learn(later(data, done).histories(), later(data, more).histories())
    assert_scores_like(name, model, fit(name, data))


def test_what_was_learned_is_forgotten_as_well(name: str) -> None:
    data, old, gone = crowd(), later(crowd()), np.array([4, 17])
    model = learner(name, old)
    if not isinstance(model, models.Forgets):
        pytest.skip(f"{name} forgets nothing exactly")
    model.learn(old.histories(), data.histories()).exchange(
        data.histories(gone), Queries.of_histories([(np.empty(0),) * 3] * 2)
    )
    assert_scores_like(name, model, fit(name, data.with_events(~np.isin(data.events.user_rows, gone))))


def test_from_nothing_everything_can_be_learned(name: str) -> None:
    data = crowd()
    nothing = data.with_events(data.events.signals <= 0)
    model = learner(name, nothing)
    if name == "als":
        pytest.skip("als keeps no vectors of people, so that it has nothing to place items by")
    assert_scores_like(name, model.learn(nothing.histories(), data.histories()), fit(name, data))


def test_histories_of_other_people_are_not_learned(name: str) -> None:
    model = learner(name, crowd())
    with pytest.raises(ValueError, match="histories"):
        model.learn(histories()[0:2], histories()[0:1])


def newcomers() -> pl.DataFrame:
    """Two things of each kind of the checkerboard, and one of which nothing is known."""
    titles = ["an odd thing", "an even thing", None, "an even thing", "an odd thing"]
    return pl.DataFrame({"item_id": [f"new{place}" for place in range(5)], "title": titles})


def grown(name: str, *tables: pl.DataFrame) -> Model:
    """Fitted on the checkerboard, then given more items."""
    if not issubclass(models.load(name), models.AddsItems):
        pytest.skip(f"{name} adds no items")
    model = cast("models.AddsItems", fit(name, checkerboard()))
    for table in tables:
        assert model.add_items(table) is model
    return cast("Model", model)


def test_added_items_score_by_what_they_are(name: str) -> None:
    known = checkerboard().histories()
    scores = grown(name, newcomers()).score(known)
    assert scores.shape == (SIDE, SIDE + 5)
    odd = np.arange(SIDE) % 2 == 1
    assert (scores[odd][:, [50, 54]] > scores[odd][:, [51, 53]]).all()
    assert (scores[~odd][:, [51, 53]] > scores[~odd][:, [50, 54]]).all()
    np.testing.assert_array_equal(scores[:, 52], 0.0)
    # What was there before is as it was, and likes of new things count.
    np.testing.assert_allclose(scores[:, :SIDE], grown(name).score(known), atol=1e-6)
    liked = Queries.of_histories([(np.array([50]), np.zeros(1), np.ones(1))])
    answer = grown(name, newcomers()).score(liked)[0]
    assert answer[54] > answer[51]
    assert answer[:SIDE][1::2].min() > answer[:SIDE][::2].max()


def test_items_added_one_by_one_are_the_same_as_at_once(name: str) -> None:
    data, table = checkerboard(), newcomers()
    at_once, one_by_one = grown(name, table), grown(name, *(table[row : row + 1] for row in range(5)))
    everything = Queries.of_histories([(np.arange(SIDE + 5), np.zeros(SIDE + 5), np.ones(SIDE + 5))])
    for asked in (data.histories(), everything):
        np.testing.assert_allclose(one_by_one.score(asked), at_once.score(asked), atol=1e-6)


def test_a_saved_model_still_adds_items(name: str, tmp_path: Path) -> None:
    models.save(grown(name, newcomers()[:2]), tmp_path / "saved")
    opened = models.open_saved(tmp_path / "saved")
    assert isinstance(opened, models.AddsItems)
    known = checkerboard().histories()
    opened.add_items(newcomers()[2:])
    np.testing.assert_array_equal(cast("Model", opened).score(known), grown(name, newcomers()).score(known))


def test_config_refuses_unknown_keys_and_says_which_there_are(name: str) -> None:
    with pytest.raises(InputError, match="no_such_key"):
        models.make(name, {"no_such_key": 1})


def test_config_is_frozen(name: str) -> None:
    config = models.make(name).config
    assert isinstance(config, models.load(name).Config)
    for key in type(config).model_fields:
        with pytest.raises(ValueError, match="frozen"):
            setattr(config, key, 1)


def test_every_hyper_parameter_is_documented(name: str) -> None:
    model_class = models.load(name)
    files = {
        sys.modules[kind.__module__].__file__ or ""
        for kind in model_class.Config.__mro__
        if issubclass(kind, ModelConfig)
    }
    source = "\n".join(Path(file).read_text(encoding="utf-8") for file in sorted(files))
    for key in model_class.Config.model_fields:
        assert re.search(rf'^    {key}: .*\n    """', source, re.MULTILINE), f"{key} has no docstring beneath"


def test_every_hyper_parameter_says_where_tuning_looks_for_it_or_why_not(name: str) -> None:
    config_class = models.load(name).Config
    for key, field in config_class.model_fields.items():
        marks = [mark for mark in field.metadata if isinstance(mark, Search | NotSearched)]
        assert len(marks) == 1, f"{key} declares {len(marks)} of Search and NotSearched instead of one"
        if isinstance(marks[0], NotSearched):
            assert marks[0].reason
            continue
        search, default = marks[0], field.default
        assert search.low < search.high
        assert search.low > 0 or not search.log
        assert default is None or search.low <= default <= search.high, f"{key}: the default is outside the range"
        for end in (search.low, search.high):
            models.make(name, {key: end})


def test_an_unfitted_model_says_so(name: str) -> None:
    model = models.make(name)
    for ask in (lambda: model.score(histories()), model.weights):
        with pytest.raises(RuntimeError, match="learned nothing yet"):
            ask()


@pytest.fixture
def saved(name: str, tmp_path: Path) -> Path:
    models.save(once(name), tmp_path / "saved")
    return tmp_path / "saved"


def test_saved_and_opened_it_scores_the_same(name: str, saved: Path) -> None:
    opened = models.open_saved(saved)
    np.testing.assert_array_equal(opened.score(histories()), once(name).score(histories()))
    assert opened.config == models.make(name).config


@pytest.mark.parametrize("file", ["config.json", "weights.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "emptied"])
def test_a_damaged_folder_is_refused(saved: Path, file: str, damage: str) -> None:
    path = saved / file
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    with pytest.raises(DamagedArtifactError, match=re.escape(file)):
        models.open_saved(saved)


def test_altered_weights_are_refused(name: str, saved: Path) -> None:
    path = saved / "weights.safetensors"
    content = bytearray(path.read_bytes())
    before = models.open_saved(saved).score(histories())
    place = _place_of_a_weight(saved)
    content[place] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(DamagedArtifactError, match="altered"):
        models.open_saved(saved)
    # With the guard talked out of it, the altered model answers, and wrongly: so the guard is needed.
    table = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    table["weights_sha256"] = hashlib.sha256(content).hexdigest()
    (saved / "config.json").write_text(json.dumps(table), encoding="utf-8")
    with np.errstate(all="ignore"):  # what was altered is enormous
        assert not np.array_equal(models.open_saved(saved).score(histories()), before)


def _place_of_a_weight(folder: Path) -> int:
    """Where in the file the exponent of some non-zero float32 lies."""
    content = (folder / "weights.safetensors").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    for entry in header.values():
        if isinstance(entry, dict) and entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            values = np.frombuffer(content[start + begin : start + end], np.float32)
            return int(start + begin + 4 * np.argmax(np.abs(values)) + 3)
    raise AssertionError("no float32 weights")
