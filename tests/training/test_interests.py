"""Interests against slow references: what is learned from, by how much, and how an item scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip.training import losses, negatives
from serendip.training.interests import (
    InterestLesson,
    InterestReader,
    InterestsConfig,
    best,
    hard_softmax,
    nearest,
    unevenness,
)
from serendip.training.sequences import Sequences

CPU = torch.device("cpu")


def sequences(*histories: list[int]) -> Sequences:
    lengths = [len(history) for history in histories]
    places = np.array([place for history in histories for place in history], np.int64)
    return Sequences(np.concatenate([[0], np.cumsum(lengths)]), places, np.zeros(len(places), np.int64))


def lesson(config: InterestsConfig, taught: Sequences, n_items: int) -> InterestLesson:
    torch.manual_seed(0)
    net, sampler = InterestReader(n_items, config), negatives.everything(n_items)
    return InterestLesson(net, taught, config, sampler, CPU, taught[np.array([], int)], None)


def drawn(n_places: int = 5, n_candidates: int = 7) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    hidden, table = torch.randn(n_places, 4), torch.randn(n_candidates, 4)
    return hidden, table, torch.randint(n_candidates, (n_places,)), torch.rand(n_candidates)


def test_without_hardness_the_loss_is_plain_cross_entropy() -> None:
    hidden, table, targets, offsets = drawn()
    for known in (None, offsets):
        expected = losses.softmax(hidden, table, targets, known)
        torch.testing.assert_close(hard_softmax(hidden, table, targets, known, 0.0), expected)
        torch.testing.assert_close(hard_softmax(hidden, table, targets, known, 1e-5), expected, atol=1e-4, rtol=0)


def test_hard_ones_count_as_the_formula_says() -> None:
    hidden, table, targets, offsets = drawn()
    beta, found = 2.0, []
    for place, target in enumerate(targets.tolist()):
        others = [c for c in range(len(table)) if c != target]
        scores, weights = table[others] @ hidden[place], offsets[others].exp()
        sharp = (weights * (beta * scores).exp()).sum()
        total = weights.sum() * (weights * ((1 + beta) * scores).exp()).sum() / sharp
        right = table[target] @ hidden[place]
        found.append((right.exp() + total).log() - right)
    torch.testing.assert_close(hard_softmax(hidden, table, targets, offsets, beta), torch.stack(found).mean())


def test_hardness_pushes_the_hardest_hardest() -> None:
    hidden, table, targets, _ = drawn(1)
    order = [c for c in (table @ hidden[0]).argsort(descending=True).tolist() if c != int(targets)]
    pushes = []
    for hardness in (0.0, 2.0):
        own = table.clone().requires_grad_()
        hard_softmax(hidden, own, targets, None, hardness).backward()  # type: ignore[no-untyped-call]
        assert own.grad is not None
        pushes.append(own.grad[order].norm(dim=1))
    assert pushes[1][0] / pushes[1].sum() > pushes[0][0] / pushes[0].sum()


def test_one_candidate_alone_teaches_nothing_and_is_no_nan() -> None:
    hidden = torch.randn(3, 4, requires_grad=True)
    loss = hard_softmax(hidden, torch.randn(1, 4), torch.zeros(3, dtype=torch.long), None, 1.0)
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)


def test_only_the_interest_nearest_to_the_answer_learns() -> None:
    interests = torch.randn(3, 4, 5, requires_grad=True)
    items = torch.randn(3, 5)
    chosen = nearest(interests, items)
    products = (interests * items[:, None]).sum(2)
    torch.testing.assert_close((chosen * items).sum(1), products.amax(1))
    chosen.sum().backward()  # type: ignore[no-untyped-call]
    assert interests.grad is not None
    touched = interests.grad.abs().sum(2) > 0
    assert torch.equal(touched.sum(1), torch.ones(3, dtype=torch.long))
    assert torch.equal(touched.long().argmax(1), products.argmax(1))


def test_an_item_scores_as_with_the_interest_it_suits_best() -> None:
    interests, table = torch.randn(3, 4, 5), torch.randn(6, 5)
    torch.testing.assert_close(best(interests, table), torch.einsum("bkd,nd->bkn", interests, table).amax(1))


def test_even_shares_cost_nothing_and_a_single_event_most() -> None:
    asked = sequences([0, 1, 2, 3], [4, 5]).batch(CPU)
    even = asked.real[:, None] / asked.lengths[:, None, None] * torch.ones(2, 3, 1)
    assert float(unevenness(even, asked)) == pytest.approx(0, abs=1e-9)
    single = torch.zeros(2, 3, 4)
    single[:, :, 0] = 1.0
    expected = np.mean([3 * (0.75**2 + 3 * 0.25**2) ** 2, 3 * (2 * 0.5**2) ** 2])
    assert float(unevenness(single, asked)) == pytest.approx(expected, abs=1e-6)


def test_shares_add_up_to_1_over_what_is_real() -> None:
    config = InterestsConfig(embedding_size=4, interests=3, dropout=0.0)
    net = InterestReader(6, config)
    asked = sequences([0, 1, 2, 3], [4]).batch(CPU)
    interests, shares = net.found(asked)
    assert (shares[1, :, 1:] == 0).all()
    torch.testing.assert_close(shares.sum(2), torch.ones(2, 3))
    torch.testing.assert_close(interests[1], net.items.weight[4].expand(3, 4))
    torch.testing.assert_close(interests[0], shares[0] @ net.items.weight[:4])


@pytest.mark.parametrize("cuts", [1, 2, 100])
def test_histories_are_cut_at_different_places_and_what_follows_is_asked(cuts: int) -> None:
    config = InterestsConfig(embedding_size=4, cuts=cuts, max_history=3)
    taught = lesson(config, sequences([0, 1, 2, 3, 4, 5], [6], [], [7, 8]), 9)
    generator, seen = np.random.default_rng(0), set()
    for _ in range(30):
        parts = [part for batch, _ in taught.batches(generator) for part in singly(batch)]
        assert len(parts) == len(set(parts)) == min(cuts, 5) + 1
        seen |= set(parts)
    expected = {(0, 1), (0, 1, 2), (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (7, 8)}
    assert seen == expected


def singly(batch: Sequences) -> list[tuple[int, ...]]:
    return [tuple(batch[np.array([place])].places.tolist()) for place in range(len(batch))]


def test_the_lesson_is_the_sum_of_its_parts() -> None:
    config = InterestsConfig(embedding_size=4, interests=2, dropout=0.0, hardness=1.0, evenness=0.5)
    taught = lesson(config, sequences([0, 1, 2], [3, 4]), 6)
    with torch.no_grad():
        inputs = sequences([0, 1], [3]).batch(CPU)
        interests, shares = taught.net.found(inputs)
        targets, table = torch.tensor([2, 4]), taught.net.items.weight
        told = hard_softmax(nearest(interests, table[targets]), table, targets, None, 1.0)
        expected = told + 0.5 * unevenness(shares, inputs)
        found = taught.loss((taught.sequences, np.random.default_rng(0)))
    assert float(found) == pytest.approx(float(expected), abs=1e-5)
    assert float(found) != pytest.approx(float(told), abs=1e-4)
