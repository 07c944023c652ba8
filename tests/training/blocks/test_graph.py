"""The graph of who wants what against dense matrices, gradients included."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import Tensor

from serendip.training.blocks import graph as rooms
from serendip.training.blocks.graph import Graph, blurred

CPU = torch.device("cpu")
SIZE = (30, 20)


def wants() -> sp.csr_array:
    """Weights of 0.1 to 1; the first person wants nothing, the last item is wanted by nobody."""
    generator = np.random.default_rng(0)
    dense = (0.1 + 0.9 * generator.random(SIZE)) * (generator.random(SIZE) < 0.3)
    dense[0], dense[:, -1] = 0, 0
    return sp.csr_array(dense.astype(np.float32))


def dense(matrix: sp.csr_array) -> Tensor:
    """R = D_U^-½ X D_I^-½."""
    x = matrix.toarray().astype(np.float64)
    rows, columns = np.maximum(x.sum(axis=1), 1e-9), np.maximum(x.sum(axis=0), 1e-9)
    return torch.from_numpy((x / np.sqrt(rows)[:, None] / np.sqrt(columns)).astype(np.float32))


def vectors(n: int, seed: int = 1) -> Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(seed), requires_grad=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_steps_and_their_gradients_are_those_of_dense_products(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LITTLE", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    whole, r = Graph.of(wants(), CPU), dense(wants())
    items, people = vectors(SIZE[1]), vectors(SIZE[0])
    for step, expected, given in ((whole.to_people, r, items), (whole.to_items, r.T, people)):
        found, same = step(given), expected @ given
        torch.testing.assert_close(found, same)
        weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(2))
        gradients = [torch.autograd.grad((value * weights).sum(), given)[0] for value in (found, same)]
        torch.testing.assert_close(*gradients)


def test_threads_change_not_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LITTLE", 0)
    whole, found = Graph.of(wants(), CPU), []
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        found.append(whole.to_people(vectors(SIZE[1])).detach())
    assert torch.equal(*found)


def test_the_product_for_other_devices_is_the_same() -> None:
    whole, given = Graph.of(wants(), CPU), vectors(SIZE[1]).detach()
    torch.testing.assert_close(whole.rows.by_torch(given), whole.rows @ given)


def test_cells_taken_out_count_as_0_with_degrees_as_they_were() -> None:
    matrix, gone = wants(), np.array([0, 7, 30])
    whole, r = Graph.of(matrix, CPU), dense(matrix)
    rows = np.repeat(np.arange(SIZE[0]), np.diff(matrix.indptr))
    r[rows[gone], matrix.indices[gone]] = 0
    less = whole.without(torch.from_numpy(gone))
    torch.testing.assert_close(less.to_people(torch.eye(SIZE[1])), r)
    torch.testing.assert_close(less.to_items(torch.eye(SIZE[0])), r.T.contiguous())
    # The graph that it was made from is whole.
    torch.testing.assert_close(whole.to_people(torch.eye(SIZE[1])), dense(matrix))


def test_noise_moves_each_vector_by_its_share_and_not_across_0() -> None:
    given = vectors(200).detach()
    given[3] = 0
    torch.manual_seed(0)
    moved = blurred(given, 0.2)
    torch.testing.assert_close((moved - given).norm(dim=1), 0.2 * given.norm(dim=1))
    assert ((moved - given) * given.sign() >= 0).all()
    directions = torch.nn.functional.normalize((moved - given).abs(), dim=1)[torch.arange(200) != 3]
    assert directions.std(dim=0).min() > 0.1
    assert blurred(given, 0.0) is given


def test_noise_has_no_gradient() -> None:
    given = vectors(4)
    (gradient,) = torch.autograd.grad(blurred(given, 0.3).sum(), given)
    torch.testing.assert_close(gradient, torch.ones_like(given))
