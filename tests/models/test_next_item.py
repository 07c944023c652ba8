"""What is particular to the linear next-item model: order, time scales, and the sums behind its closed form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.features.text import TextEncoder
from serendip.models import next_item
from serendip.models.next_item import NextItem, NextItemConfig


def sequences(
    histories: list[list[int]], types: list[list[str]] | None = None, titles: list[str] | None = None
) -> Dataset:
    """One person per history; the item in row r is called as many digits as keep the rows in order."""
    kinds = types or [["like"] * len(history) for history in histories]
    rows = [
        (f"u{u}", f"{item:03}", kind) for u, h in enumerate(histories) for item, kind in zip(h, kinds[u], strict=True)
    ]
    users, items, types_ = zip(*rows, strict=True)
    catalogue = event_frame({"item_id": [f"{row:03}" for row in range(30)]}).select("item_id")
    if titles is not None:
        catalogue = catalogue.with_columns(pl.Series("title", titles))
    return Dataset.from_tables(
        Tables(event_frame({"user_id": list(users), "item_id": list(items), "type": list(types_)}), catalogue)
    )


def random_sequences(seed: int = 0) -> Dataset:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 12, 40)
    histories = [generator.choice(25, length, replace=False).tolist() for length in lengths]
    return sequences(histories, [generator.choice(["like", "view", "cart"], length).tolist() for length in lengths])


def fit(data: Dataset, **config: Any) -> NextItem:
    return NextItem(NextItemConfig(**config)).fit(data)


def asked(*histories: list[int]) -> Queries:
    return Queries.of_histories([(np.array(h), np.arange(len(h)), np.ones(len(h))) for h in histories])


def past(items: np.ndarray, weights: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """One source of the regression, (K N,), event by event."""
    source = np.zeros((len(scales), 30))
    for ago, (item, weight) in enumerate(zip(items[::-1], weights[::-1], strict=True), 1):
        source[:, item] += weight * np.exp(-ago / scales)
    return source.ravel()


def ridge(data: Dataset, config: NextItemConfig) -> np.ndarray:
    """B (K N, N) by solving the regression with a row for every place of every history."""
    queries, rows = data.histories(), []
    for query in range(len(queries)):
        own = slice(*queries.offsets[query : query + 2])
        items, weights = queries.item_rows[own], queries.weights[own]
        for share, step in ((1.0, 1), (config.backward, -1)):
            rows += [(share, *row) for row in places(items[::step], weights[::step], config)]
    shares, sources, targets = (np.array(column) for column in zip(*rows, strict=True))
    gram = sources.T @ (shares[:, None] * sources) + config.l2 * np.eye(sources.shape[1])
    return np.linalg.solve(gram, sources.T @ (shares[:, None] * targets))


def places(items: np.ndarray, weights: np.ndarray, config: NextItemConfig) -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    for place in range(len(items)):
        target = np.zeros(30)
        for m, (item, weight) in enumerate(zip(items[place:], weights[place:], strict=True)):
            target[item] += weight * 0.5**m * (m < config.ahead)
        found.append((past(items[:place], weights[:place], config.scales), target))
    return found


@pytest.mark.parametrize("memories", [(2.0, 0.0), (2.0, 12.0), (5.0, 5.0)])
@pytest.mark.parametrize("backward", [0.0, 0.3])
@pytest.mark.parametrize("ahead", [1, 3])
def test_it_is_the_ridge_regression_over_all_places(
    memories: tuple[float, float], backward: float, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(next_item, "BLOCK", 7)  # several blocks, the last of them smaller
    data = random_sequences()
    config = NextItemConfig(l2=3, memory=memories[0], long_memory=memories[1], ahead=ahead, backward=backward)
    queries, b = data.histories(), ridge(data, config)
    parts = [slice(*queries.offsets[query : query + 2]) for query in range(len(queries))]
    expected = [past(queries.item_rows[own], queries.weights[own], config.scales) @ b for own in parts]
    # Pairs farther apart than REACH scales are left out; here only scale 2 could have any, and 12 events are its reach.
    np.testing.assert_allclose(NextItem(config).fit(data).score(queries), expected, atol=1e-5)


def test_in_float32_it_is_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_sequences()
    precise = fit(data, l2=10).score(data.histories())
    monkeypatch.setattr(next_item, "PRECISE", 0)
    coarse = fit(data, l2=10).score(data.histories())
    assert not np.array_equal(precise, coarse)
    np.testing.assert_allclose(coarse, precise, atol=1e-4)


def test_what_follows_the_last_item_wins() -> None:
    """0 is followed by 1 and 2 by 3, with others between, so only the order of a history can tell."""
    generator = np.random.default_rng(1)
    pairs = [[0, 1], [2, 3]]
    histories = [[*generator.choice(np.arange(4, 20), 3, replace=False), *pairs[u % 2]] for u in range(80)]
    model = fit(sequences([[int(item) for item in history] for history in histories]), l2=5)
    queries = asked([2, 5, 6, 0], [0, 5, 6, 2])
    scores = model.score(queries)
    scores[queries.query_rows, queries.item_rows] = -np.inf
    np.testing.assert_array_equal(scores.argmax(axis=1), [1, 3])


def test_backward_evidence_knows_what_came_before() -> None:
    data = sequences([[0, 1]] * 20)
    assert fit(data, l2=1, backward=0).score(asked([1]))[0, 0] == 0
    assert fit(data, l2=1, backward=0.5).score(asked([1]))[0, 0] > 0.1


def test_a_longer_time_scale_remembers_more() -> None:
    def share_of_the_oldest(**config: float) -> float:
        data = random_sequences()
        queries = asked([3, 5, 7, 9, 11, 13])
        parts = np.abs(fit(data, l2=3, **config).contributions(queries, np.arange(30)[None])).sum(axis=1)
        return float(parts[0] / parts.sum())

    brief, middle, lasting = (share_of_the_oldest(memory=memory, long_memory=0) for memory in (0.5, 2, 50))
    both = share_of_the_oldest(memory=2, long_memory=50)
    assert brief < 0.01 < middle < lasting
    assert both > middle


def test_a_repeated_item_counts_once_and_contributions_still_add_up() -> None:
    model, rows = fit(random_sequences(), l2=3), np.arange(30)[None]
    repeated, plain = asked([1, 2, 1, 4]), asked([2, 1, 4])
    parts = model.contributions(repeated, rows)
    np.testing.assert_array_equal(parts[0], 0)  # the later of two equals speaks for the pair
    np.testing.assert_allclose(parts.sum(axis=0), model.score(repeated, rows)[0], atol=1e-6)
    np.testing.assert_allclose(model.score(repeated), model.score(plain), atol=1e-6)
    assert np.abs(parts[1:]).max() > 0.01


def test_strength_counts() -> None:
    model, view = fit(random_sequences(), l2=3), np.float32(0.2)
    faint = Queries.of_histories([(np.array([4]), np.zeros(1), np.array([view]))])
    np.testing.assert_allclose(model.score(faint), view * model.score(asked([4])), atol=1e-6)


def test_items_that_take_no_part_hold_no_place() -> None:
    data = sequences([[1, 2, 3], [1, 2, 3], [1, 2], [3, 7]])
    model = models.make("next_item", {"max_items": 3, "l2": 1}).fit(data)
    scores = model.score(asked([1, 2], [1, 7, 2]))
    np.testing.assert_array_equal(scores[0], scores[1])
    assert np.flatnonzero(np.abs(scores[0])).tolist() == [1, 2, 3]


def test_what_is_kept_is_float32_over_the_wanted_items() -> None:
    kept = fit(sequences([[1, 2, 3]]), long_memory=12).weights()["b"]
    assert (kept.shape, kept.dtype) == ((6, 3), np.float32)


def test_neighbors_solve_the_ridge_of_the_sources_that_say_most() -> None:
    data = random_sequences()
    model = fit(data, l2=3, memory=2, long_memory=0, neighbors=4)
    gram, target = next_item._sparse(model._sums, 1)
    gram, target, b = gram.toarray(), target.toarray(), model.weights()
    found = next_item._unpacked("b", b, target.shape).toarray()
    for item in range(target.shape[1]):
        worth = target[:, item] ** 2 / (np.diagonal(gram) + 3)
        chosen = np.sort(np.argsort(-worth, kind="stable")[:4])
        expected = np.zeros(len(worth))
        expected[chosen] = np.linalg.solve(gram[np.ix_(chosen, chosen)] + 3 * np.eye(4), target[chosen, item])
        np.testing.assert_allclose(found[:, item], expected, atol=1e-5)
    rows = np.tile(np.arange(30), (data.n_users, 1))
    parts = np.zeros((data.n_users, 30))
    np.add.at(parts, data.histories().query_rows, model.contributions(data.histories(), rows))
    np.testing.assert_allclose(parts, model.score(data.histories()), atol=1e-5)
    again = NextItem(model.config).restore(b).score(data.histories())
    np.testing.assert_array_equal(again, model.score(data.histories()))


def gone(queries: Queries) -> Queries:
    """As many histories, all of them empty."""
    return Queries.of_histories([(np.empty(0),) * 3] * len(queries))


def assert_identical(one: NextItem, other: NextItem) -> None:
    assert one.weights().keys() == other.weights().keys()
    for name, array in other.weights().items():
        np.testing.assert_array_equal(one.weights()[name], array)


@pytest.mark.parametrize("config", [{}, {"long_memory": 0}, {"neighbors": 5}])
def test_what_everybody_taught_can_be_taken_away_and_learned_again_to_the_last_bit(config: dict[str, Any]) -> None:
    """Without the rounding of each term a trace of some 1e-16 of what was forgotten would stay in the sums."""
    data = random_sequences()
    model, fresh = fit(data, **config), fit(data, **config)
    queries = data.histories()
    for start in range(0, 40, 7):
        model.exchange(queries[start : start + 7], gone(queries[start : start + 7]))
    assert model.weights()["sums"].size == 0
    assert not model.score(queries).any()
    for start in range(35, -1, -7):
        model.exchange(gone(queries[start : start + 7]), queries[start : start + 7])
    assert_identical(model, fresh)


def test_a_saved_model_still_learns(tmp_path: Path) -> None:
    data = random_sequences()
    queries = data.histories()
    models.save(fit(data), tmp_path / "saved")
    opened = models.open_saved(tmp_path / "saved")
    assert isinstance(opened, NextItem)
    assert_identical(
        opened.exchange(queries[3:5], gone(queries[3:5])), fit(data).exchange(queries[3:5], gone(queries[3:5]))
    )


def test_too_many_items_keep_no_sums_and_say_so() -> None:
    data = random_sequences()
    model = fit(data, updatable_items=24)
    assert "sums" not in model.weights()
    with pytest.raises(RuntimeError, match="larger updatable_items"):
        model.exchange(data.histories()[:1], gone(data.histories()[:1]))
    np.testing.assert_array_equal(model.score(data.histories()), fit(data).score(data.histories()))


TITLES = [f"{['red', 'blue', 'green'][row % 3]} {['cup', 'lamp', 'chair', 'pot'][row % 4]}" for row in range(30)]


def test_made_up_people_are_rows_of_the_regression() -> None:
    data = random_sequences()
    titled = sequences([[0, 1], [2, 3]], titles=TITLES)
    place = np.arange(30)
    config = NextItemConfig(content=2, l2=3)
    alike = next_item._most_alike(TextEncoder().fit(TITLES).encode(TITLES)).toarray()
    np.testing.assert_allclose(alike.sum(axis=1), 1, rtol=1e-6)
    assert alike[0].argmax() in (12, 24)
    sums = next_item._made_up(titled, place, config).toarray()
    sources = np.stack([past(np.array([row]), np.ones(1), config.scales) for row in range(30)])  # (30, 2 * 30)
    shares = 2 * alike  # (source, target)
    gram, target = sources.T @ (shares.sum(axis=1)[:, None] * sources), sources.T @ shares
    expected = [gram[:30, :30], gram[:30, 30:], gram[30:, 30:], target[:30], target[30:]]
    np.testing.assert_allclose(sums, np.hstack(expected), atol=1e-8)
    assert data.n_items == 30


def test_an_item_that_nobody_has_met_is_known_by_its_words() -> None:
    data = sequences([[0, 1, 2], [1, 2, 5]], titles=TITLES)
    deaf, reading = (fit(data, l2=3, content=content).score(asked([12]))[0] for content in (0, 2))
    assert not deaf.any()
    assert {0, 24} & set(np.argsort(-reading)[:2].tolist())
    assert reading[0] > reading[1]


def test_without_words_nobody_is_made_up() -> None:
    data = random_sequences()
    np.testing.assert_array_equal(
        fit(data, l2=3, content=2).score(data.histories()), fit(data, l2=3).score(data.histories())
    )
