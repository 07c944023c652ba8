"""Every kind of index keeps one contract: `retrieval.index.Index`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import scipy.sparse as sp
from safetensors.numpy import load_file, save_file

from serendip import retrieval
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.errors import InputError
from serendip.retrieval import Index, Kind

N, D, K = 3_000, 16, 10
KINDS: tuple[Kind, ...] = get_args(Kind)
FOUND = {"exact": 1.0, "inverted": 1.0, "int8": 0.97, "pq": 0.7}
"""The share of the best `K` that a kind finds at least; with slack 1, so that only short codes miss any."""
EXACT = [kind for kind in KINDS if FOUND[kind] == 1]


def items(n: int = N, seed: int = 0) -> FloatArray:
    random = np.random.default_rng(seed)
    kinds = np.random.default_rng(9).normal(size=(30, D))
    lengths = random.lognormal(sigma=0.5, size=(n, 1))  # well-known items have long vectors
    return np.asarray(lengths * (kinds[random.integers(0, 30, n)] + 0.5 * random.normal(size=(n, D))), np.float32)


def people(n: int, seed: int = 3) -> FloatArray:
    """Near what they want."""
    return np.asarray(items()[np.random.default_rng(seed).integers(0, N, (n, 5))].mean(axis=1))


@pytest.fixture(scope="module")
def built() -> dict[str, Index]:
    return {kind: retrieval.build(kind, items()) for kind in KINDS}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def index(kind: Kind, built: dict[str, Index]) -> Index:
    return built[kind]


def by_force(vectors: FloatArray, queries: FloatArray, k: int, may: np.ndarray) -> IntArray:
    return retrieval.top_k(np.where(may, queries @ vectors.T, -np.inf).astype(np.float32), k)[0]


def share(rows: IntArray, wanted: IntArray) -> float:
    """Of those wanted; -1 is nobody."""
    pairs = zip(rows, wanted, strict=True)
    return sum(len(set(a) & set(b) - {-1}) for a, b in pairs) / max(1, np.count_nonzero(wanted >= 0))


def test_it_finds_what_force_finds(kind: Kind, index: Index) -> None:
    queries = people(50)
    rows, scores = index.search(queries, K)
    wanted = by_force(items(), queries, K, np.ones(N, bool))
    assert share(rows, wanted) >= FOUND[kind]
    assert (np.diff(scores) <= 0).all()
    assert rows.dtype == np.int32
    if kind in EXACT:
        np.testing.assert_array_equal(rows, wanted)
        np.testing.assert_allclose(scores, np.take_along_axis(queries @ items().T, wanted, axis=1), rtol=1e-4)


def test_each_query_is_answered_as_if_alone(index: Index) -> None:
    queries = people(8)
    alone = [index.search(query[None], K)[0][0] for query in queries]
    np.testing.assert_array_equal(index.search(queries, K)[0], alone)


def test_filters_and_exclusions_hold_inside_the_search(kind: Kind, index: Index) -> None:
    """So that a list is full although hardly anything may be found."""
    queries, random = people(30), np.random.default_rng(5)
    only = random.random(N) < 0.02
    without: Sparse = sp.csr_array(random.random((30, N)) < 0.5)
    rows, _ = index.search(queries, K, only, without)
    may = only & ~without.toarray()
    assert (rows >= 0).all()
    assert np.take_along_axis(may, rows, axis=1).all()
    assert share(rows, by_force(items(), queries, K, may)) >= FOUND[kind]


def test_where_little_is_left_the_rest_is_empty(index: Index) -> None:
    only = np.zeros(N, bool)
    only[[5, 7]] = True
    rows, scores = index.search(people(1), K, only)
    assert sorted(rows[0, :2]) == [5, 7]
    assert (rows[0, 2:] == -1).all()
    assert (scores[0, 2:] == -np.inf).all()
    assert (index.search(people(1), K, np.zeros(N, bool))[0] == -1).all()


def test_only_what_is_above_is_found(index: Index) -> None:
    rows, scores = index.search(people(5), N, above=0)
    _, all_scores = index.search(people(5), N)
    assert (all_scores < 0).any()
    assert (scores[rows >= 0] > 0).all()
    np.testing.assert_array_equal((rows >= 0).sum(axis=1), (all_scores > 0).sum(axis=1))
    assert (index.search(np.zeros((1, D)), K, above=0)[0] == -1).all()


def test_what_is_added_is_found_and_the_index_from_before_is_as_it_was(kind: Kind, index: Index) -> None:
    more, queries = items(200, seed=1), people(30)
    longer = index.add(more[:50]).add(more[50:])
    together = np.concatenate([items(), more])
    wanted = by_force(together, queries, K, np.ones(N + 200, bool))
    assert (wanted >= N).any()
    assert share(longer.search(queries, K)[0], wanted) >= FOUND[kind]
    assert (len(longer), len(index)) == (N + 200, N)
    assert index.search(queries, K)[0].max() < N
    if kind in EXACT:
        np.testing.assert_array_equal(longer.search(queries, K)[0], wanted)


def test_what_is_removed_is_gone_and_others_keep_their_rows(kind: Kind, index: Index) -> None:
    longer, queries = index.add(items(20, seed=1)), people(30)
    best = np.unique(longer.search(queries, 3)[0])
    gone = np.append(best, [N, N + 19])
    shorter = longer.remove(gone).remove(gone[:1])
    may = ~np.isin(np.arange(N + 20), gone)
    wanted = by_force(np.concatenate([items(), items(20, seed=1)]), queries, K, may)
    rows, _ = shorter.search(queries, K)
    assert not np.isin(rows, gone).any()
    assert share(rows, wanted) >= FOUND[kind]
    np.testing.assert_array_equal(np.unique(longer.search(queries, 3)[0]), best)
    assert len(shorter.add(items(1))) == N + 21  # a row is never given twice


def test_saved_and_read_it_says_the_same(index: Index, tmp_path: Path) -> None:
    changed, queries = index.add(items(20, seed=1)).remove(np.array([3, N + 1])), people(20)
    save_file(changed.arrays(), tmp_path / "index.safetensors")
    vectors = np.concatenate([items(), items(20, seed=1)])
    again = retrieval.restore(load_file(tmp_path / "index.safetensors"), vectors)
    for one, other in zip(again.search(queries, K), changed.search(queries, K), strict=True):
        np.testing.assert_array_equal(one, other)
    assert type(again) is type(changed)


def test_arrays_of_something_else_are_refused(index: Index) -> None:
    with pytest.raises(InputError, match=rf"the index is of {N} items, and of the vectors there are 3$"):
        retrieval.restore(index.arrays(), items()[:3])
    for name in index.arrays():
        less = {key: array for key, array in index.arrays().items() if key != name}
        if name not in {"centres", "scale", "words"}:  # by which the kind is known
            with pytest.raises(InputError, match=f"lacks '{name}'"):
                retrieval.restore(less, items())


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_items_are_no_trouble(kind: Kind, n: int) -> None:
    vectors = np.eye(4, dtype=np.float32)[:n]
    index = retrieval.build(kind, vectors)
    rows, _ = index.search(np.ones((2, 4)), 5)
    assert rows.shape == (2, n)
    assert sorted(rows[0].tolist()) == list(range(n))
    assert index.search(np.ones((0, 4)), 5)[0].shape == (0, n)
    assert sorted(index.add(np.eye(4)[n:]).search(np.ones((1, 4)), 9)[0][0].tolist()) == [0, 1, 2, 3]
    assert index.search(np.ones((1, 4)), 0)[0].shape == (1, 0)


def test_equals_come_in_the_order_of_top_k(kind: Kind) -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 50, axis=0)
    index = retrieval.build(kind, vectors)
    query = np.array([[1, 0.5]], np.float32)
    assert index.search(query, 7)[0].tolist() == retrieval.top_k(query @ vectors.T, 7)[0].tolist()


def test_same_seed_same_index(kind: Kind) -> None:
    one, other = (retrieval.build(kind, items(500), seed=4).arrays() for _ in range(2))
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


def test_what_makes_no_sense_is_refused_in_a_sentence(kind: Kind, index: Index) -> None:
    broken = items(5)
    broken[3, 2] = np.nan
    refusals = {
        "vectors of 3 numbers do not fit an index of vectors of 16 numbers": lambda: index.search(np.ones((1, 3)), 1),
        "vectors of 4 numbers do not fit": lambda: index.add(np.ones((1, 4))),
        r"must be a table \(n, D\); these have the shape \(16,\)": lambda: index.search(np.ones(D), 1),
        "row 3 of the vectors holds a number that is not finite": lambda: retrieval.build(kind, broken),
        "row 3 of the vectors": lambda: index.add(broken),
        "row 0 of the vectors": lambda: index.search(np.full((1, D), np.inf), 1),
        "row 3000 is not in an index of 3000 rows": lambda: index.remove(np.array([2, N])),
        "row -1 is not": lambda: index.remove(np.array([-1])),
        r"`only` has the shape \(2,\)": lambda: index.search(people(1), 1, np.ones(2, bool)),
        r"`without` has the shape \(1, 2\)": lambda: index.search(people(1), 1, None, sp.csr_array((1, 2), dtype=bool)),
    }
    for sentence, act in refusals.items():
        with pytest.raises(InputError, match=sentence):
            act()


@pytest.mark.parametrize(("kind", "times"), [("int8", 3.9), ("pq", 15.9)])
def test_short_codes_are_short(kind: Kind, times: float, built: dict[str, Index]) -> None:
    assert items().nbytes / built[kind].arrays()["codes"].nbytes >= times
