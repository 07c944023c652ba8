"""What graph models share: layers, what a step asks for, what is withheld, and answers from a history."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional

from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.training import FitOptions, propagation
from serendip.training.blocks.graph import Graph
from serendip.training.loop import Schedule, learn
from serendip.training.propagation import GraphConfig, Method, Net, PairLesson, Pairs, Smoothed, recognised

CPU = torch.device("cpu")
ONE = FitOptions(seed=2, threads=1)


def data(n_people: int = 80, n_items: int = 30) -> Dataset:
    """Two tastes, some views beside likes, and a last item that nobody has met."""
    generator = np.random.default_rng(1)
    people = generator.integers(0, n_people, 900)
    things = (generator.zipf(1.4, 900) % 15 + 10 * (people % 2)) % (n_items - 1)
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": generator.choice(["view", "like"], 900).tolist(),
    }
    items = pl.DataFrame({"item_id": [f"i{row:02}" for row in range(n_items)]})
    return Dataset.from_tables(Tables(event_frame(columns), items))


def known() -> sp.csr_array:
    """X of the items that anybody wants."""
    matrix = data().matrix()
    return sp.csr_array(matrix[:, np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]))])


def dense(matrix: sp.csr_array) -> Tensor:
    x = matrix.toarray()
    return torch.from_numpy(x / np.sqrt(x.sum(axis=1))[:, None] / np.sqrt(x.sum(axis=0)))


def by_direction(net: Net, graph: Graph, pairs: Pairs) -> Tensor:
    return recognised(*net(graph).vectors(0), pairs, 0.15)


METHOD = Method(by_direction, first=0)


def network(config: GraphConfig, shape: tuple[int, int]) -> Net:
    torch.manual_seed(0)
    return Net(shape, config)


def lesson(config: GraphConfig, matrix: sp.csr_array | None = None) -> PairLesson:
    taught = known() if matrix is None else matrix
    return PairLesson(network(config, taught.shape), taught, Graph.of(taught, CPU), METHOD, config, None)


@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("layers", [2, 3, 4])
@pytest.mark.parametrize("first", [0, 1])
def test_layers_are_those_of_light_graph_convolution(ids: bool, layers: int, first: int) -> None:
    """E_k = A E_(k-1) with A the normalised adjacency of people and items together; 0 for people without ids."""
    config = GraphConfig(embedding_size=4, layers=layers, ids=ids)
    net, r = network(config, known().shape), dense(known())
    n_people, n_items = r.shape
    adjacency = torch.zeros(n_people + n_items, n_people + n_items)
    adjacency[:n_people, n_people:], adjacency[n_people:, :n_people] = r, r.T
    people = torch.zeros(n_people, 4) if net.people is None else net.people
    steps = [torch.cat([people, net.items])]
    for _ in range(layers):
        steps.append(adjacency @ steps[-1])
    found = net(Graph.of(known(), CPU))
    for layer, whole in enumerate(steps):
        for side, expected in ((found.people, whole[:n_people]), (found.items, whole[n_people:])):
            layer_found = side[layer]
            torch.testing.assert_close(torch.zeros_like(expected) if layer_found is None else layer_found, expected)
    # The means are over the layers that are there.
    mean = torch.cat(found.vectors(first))
    counted = torch.stack(steps[first:])
    there = (counted != 0).any(dim=2).sum(dim=0).clamp(min=1)
    torch.testing.assert_close(mean, counted.sum(0) / there[:, None])


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("layers", [2, 3, 4])
def test_a_history_gives_the_vector_that_propagation_gives_the_person(first: int, layers: int) -> None:
    """W^-½ Σ_j w_j a_j is the mean of the layers of the person, so those taught are answered as in the graph."""
    config, whole = GraphConfig(embedding_size=4, layers=layers), data()
    net, graph = network(config, known().shape), Graph.of(known(), CPU)
    sources, targets = Method(by_direction, first).tables(net, graph)
    wanted = np.unique(whole.matrix().indices)
    tables = [np.zeros((whole.n_items, 4), np.float32) for _ in range(2)]
    tables[0][wanted], tables[1][wanted] = sources, targets
    people, items = net(graph).vectors(first)
    found = Smoothed(*tables, None)
    np.testing.assert_allclose(found.query_vectors(whole.histories()), people.detach(), atol=1e-5)
    np.testing.assert_allclose(found.score(whole.histories())[:, wanted], (people @ items.T).detach(), atol=1e-5)


def test_with_ids_an_answer_leaves_out_nothing_but_them() -> None:
    """(P_1 + ... + P_K) / (K + 1): the first layer is missing, and counts as 0."""
    config = GraphConfig(embedding_size=4, layers=3, ids=True)
    net, graph = network(config, known().shape), Graph.of(known(), CPU)
    layers = net(graph)
    narrowed = layers.sources(0)
    assert net.people is not None
    people, _ = layers.vectors(0)
    torch.testing.assert_close(dense(known()) @ narrowed, people - net.people / 4)


def test_people_recognise_what_they_want_by_its_length_along_their_direction() -> None:
    people, items = torch.randn(3, 4), torch.randn(5, 4)
    candidates, offsets = torch.tensor([0, 2, 4]), torch.tensor([0.5, 0.0, 1.0])
    pairs = Pairs(torch.tensor([2, 0]), torch.tensor([4, 0]), candidates, torch.tensor([2, 0]), offsets)
    asking = people[[2, 0]]
    scores = asking @ items[candidates].T / asking.norm(dim=1, keepdim=True) / 0.2
    raised = scores + offsets
    raised[[0, 1], [2, 0]] = scores[[0, 1], [2, 0]]
    torch.testing.assert_close(recognised(people, items, pairs, 0.2), functional.cross_entropy(raised, pairs.right))


def test_what_is_asked_for_is_not_in_the_graph() -> None:
    seen: list[tuple[Graph, Pairs]] = []

    def spy(net: Net, graph: Graph, pairs: Pairs) -> Tensor:
        seen.append((graph, pairs))
        return net.items.sum()

    taught = known()
    asked = PairLesson(
        network(GraphConfig(), taught.shape), taught, Graph.of(taught, CPU), Method(spy, 0), GraphConfig(), None
    )
    for batch in asked.batches(np.random.default_rng(0)):
        asked.loss(batch)
    r = dense(taught)
    assert len(seen) >= propagation.FEWEST_STEPS
    for graph, pairs in seen:
        kept = graph.to_people(torch.eye(taught.shape[1]))
        assert (kept[pairs.people, pairs.items] == 0).all()
        assert (r[pairs.people, pairs.items] > 0).all()
        assert int((kept > 0).sum()) == taught.nnz - len(pairs.people)
        torch.testing.assert_close(pairs.candidates[pairs.right], pairs.items)


def test_an_epoch_asks_for_each_preference_as_often_as_its_weight_says() -> None:
    taught = lesson(GraphConfig())
    generator, often = np.random.default_rng(0), np.zeros(taught.matrix.nnz)
    for _ in range(400):
        cells = np.concatenate([cells for cells, *_ in taught.batches(generator)])
        assert len(np.unique(cells)) == len(cells)
        often[cells] += 1
    weights = taught.matrix.data
    np.testing.assert_allclose(np.unique(weights), [0.2, 1.0])
    np.testing.assert_array_equal(often[weights == 1], 400)
    np.testing.assert_allclose(often[weights < 1].mean() / 400, 0.2, atol=0.01)


def test_of_whom_one_thing_is_known_nothing_is_asked() -> None:
    matrix = sp.csr_array(np.array([[1, 1, 0], [0, 0, 1], [0, 1, 1]], np.float32))
    (cells, *_), *others = lesson(GraphConfig(), matrix).batches(np.random.default_rng(0))
    asked = np.concatenate([cells, *(cells for cells, *_ in others)])
    assert sorted(asked) == [0, 1, 3, 4]


def test_batches_are_no_larger_than_asked_for() -> None:
    sizes = [len(cells) for cells, *_ in lesson(GraphConfig(batch_size=7)).batches(np.random.default_rng(0))]
    assert max(sizes) <= 7
    assert min(sizes) >= 6


def test_items_start_where_the_singular_vectors_say() -> None:
    net, graph = network(GraphConfig(embedding_size=5), known().shape), Graph.of(known(), CPU)
    net.start(graph, np.random.default_rng(0))
    right = torch.linalg.svd(dense(known()).double()).Vh[:5].T
    expected = functional.normalize(right, dim=1)
    signs = (expected * net.items).sum(0).sign()
    torch.testing.assert_close(net.items.detach().double(), expected * signs, atol=1e-4, rtol=0)


def test_where_there_are_fewer_singular_vectors_the_rest_is_noise() -> None:
    matrix = sp.csr_array(np.array([[1, 1, 0], [0, 1, 1]], np.float32))
    net = network(GraphConfig(embedding_size=8), matrix.shape)
    before = net.items.detach().clone()
    net.start(Graph.of(matrix, CPU), np.random.default_rng(0))
    torch.testing.assert_close(net.items[:, 2:], before[:, 2:])
    torch.testing.assert_close(net.items[:, :2].norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("ids", [False, True])
def test_learning_lowers_the_loss(ids: bool) -> None:
    taught = lesson(GraphConfig(embedding_size=8, ids=ids))
    course = learn(taught, Schedule(20, 1e-2), ONE, "graph")
    assert course.losses[-1] < course.losses[0] - 0.1


def test_what_is_withheld_is_in_no_graph_until_learning_is_over() -> None:
    taught = known()
    left, exam = propagation._examination(taught, GraphConfig(), np.random.default_rng(0))
    assert exam is not None
    people = np.flatnonzero(np.diff(left.indptr) < np.diff(taught.indptr))
    missing = (taught - left).toarray()
    assert (missing >= 0).all()
    np.testing.assert_allclose(missing[people].sum(axis=0), exam.wanted.toarray().sum(axis=0), rtol=1e-6)
    assert int((missing > 0).sum()) == exam.wanted.nnz == taught.nnz - left.nnz
    assert 0 < len(people) <= taught.shape[0] // 10


def test_without_patience_nothing_is_withheld() -> None:
    left, exam = propagation._examination(known(), GraphConfig(patience=0), np.random.default_rng(0))
    assert exam is None
    assert left.nnz == known().nnz


def test_the_grade_is_that_of_the_answers_given() -> None:
    taught = known()
    left, exam = propagation._examination(taught, GraphConfig(), np.random.default_rng(0))
    assert exam is not None
    net, graph = network(GraphConfig(embedding_size=8), left.shape), Graph.of(left, CPU)
    grade = PairLesson(net, left, graph, METHOD, GraphConfig(), exam).examined()
    _, items = net(graph).vectors(0)
    seen = torch.from_numpy(exam.seen.toarray())
    roots = seen.sum(1).clamp(min=1e-9).sqrt()
    asked = (seen / roots[:, None] * graph.narrowing) @ net(graph).sources(0)
    scores = (asked @ items.T).detach().numpy()
    assert grade == pytest.approx(exam.ndcg(lambda part: scores[part].copy()), abs=1e-6)


def test_a_memory_fades_the_history_asked_with() -> None:
    generator = np.random.default_rng(0)
    sources, targets = (generator.standard_normal((6, 3)).astype(np.float32) for _ in range(2))
    history = Queries.of_histories([(np.array([1, 2, 3]), np.arange(3), np.ones(3))])
    faded = np.exp(-np.array([2, 1, 0]) / 2.0)
    expected = (faded @ sources[1:4]) / np.sqrt(faded.sum())
    found = Smoothed(sources, targets, 2.0)
    np.testing.assert_allclose(found.query_vectors(history)[0], expected, rtol=1e-5)
    plain = Smoothed(sources, targets, None).query_vectors(history)[0]
    np.testing.assert_allclose(plain, sources[1:4].sum(axis=0) / np.sqrt(3), rtol=1e-5)


def test_an_item_that_nobody_wants_says_nothing_beside_others() -> None:
    fitted = Smoothed.by(METHOD, data(), GraphConfig(epochs=2), ONE, "graph")
    unmet = int(data().items.vocabulary.rows(["i29"])[0])
    alone, beside = ((np.array(items), np.zeros(len(items)), np.ones(len(items))) for items in ([1], [1, unmet]))
    scores = fitted.score(Queries.of_histories([alone, beside]))
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[:, unmet], 0.0)
