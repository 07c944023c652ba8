"""Losses against the formulas written out, gradients included."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from serendip.training import losses


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive_softmax(hidden: Tensor, table: Tensor, targets: Tensor, offsets: Tensor | None) -> Tensor:
    """Place by place: -s_t + ln Σ_c exp(s_c + o_c) with o_t = 0."""
    parts = []
    for vector, target in zip(hidden, targets.tolist(), strict=True):
        scores = table @ vector
        raised = scores if offsets is None else scores + offsets
        others = [raised[place] for place in range(len(table)) if place != target]
        parts.append(torch.logsumexp(torch.stack([scores[target], *others]), 0) - scores[target])
    return torch.stack(parts).mean()


@pytest.fixture(params=[False, True], ids=["plain", "with offsets"])
def given(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Seven places, five candidates; two places want the same, one candidate is wanted by nobody."""
    offsets = drawn(5, seed=3).abs() if request.param else None
    return drawn(7, 4), drawn(5, 4, seed=1), torch.tensor([0, 1, 1, 3, 4, 0, 4]), offsets


def gradients(loss: Callable[..., Tensor], *arguments: Tensor | None) -> tuple[Tensor, ...]:
    """The loss, and 3 times its gradient in the first two arguments."""
    hidden, table, *rest = arguments
    assert hidden is not None
    assert table is not None
    leaves = [part.clone().requires_grad_() for part in (hidden, table)]
    value = loss(*leaves, *rest)
    return value.detach(), *torch.autograd.grad(3 * value, leaves)


@pytest.mark.parametrize("rows", [3, 512])
def test_softmax_and_its_gradients_are_those_of_the_formula(
    given: tuple[Tensor, Tensor, Tensor, Tensor | None], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "ROWS", rows)
    found, expected = gradients(losses.softmax, *given), gradients(naive_softmax, *given)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("rows", [2, 512])
def test_many_answers_of_one_place_are_as_the_place_repeated(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five places one has no answer, one has the same twice."""
    monkeypatch.setattr(losses, "ROWS", rows)
    owners, targets = torch.tensor([0, 0, 1, 3, 3, 3, 4]), torch.tensor([2, 5, 1, 0, 0, 4, 3])
    hidden, table = drawn(5, 4), drawn(6, 4, seed=1)
    found = gradients(losses.softmax_of_many, hidden, table, owners, targets)
    expected = gradients(lambda some, every: naive_softmax(some[owners], every, targets, None), hidden, table)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    nothing = torch.empty(0, dtype=torch.long)
    assert losses.softmax_of_many(hidden, table, nothing, nothing) == 0


def test_offsets_count_for_all_but_the_target() -> None:
    hidden, table, targets = drawn(2, 4), drawn(3, 4, seed=1), torch.tensor([0, 0])
    plain = losses.softmax(hidden, table, targets)
    on_target, beside = (torch.tensor(values, dtype=torch.float64) for values in ([9.0, 0, 0], [0.0, 9, 0]))
    torch.testing.assert_close(losses.softmax(hidden, table, targets, on_target), plain)
    assert losses.softmax(hidden, table, targets, beside) > plain + 1


def test_softmax_leaves_what_it_is_given_as_it_is() -> None:
    hidden, table, targets, offsets = drawn(3, 4), drawn(5, 4, seed=1), torch.tensor([0, 1, 2]), drawn(5, seed=2)
    before = [part.clone() for part in (hidden, table, targets, offsets)]
    losses.softmax(hidden, table, targets, offsets)
    for part, untouched in zip((hidden, table, targets, offsets), before, strict=True):
        torch.testing.assert_close(part, untouched, rtol=0, atol=0)


def test_softmax_of_huge_scores_is_finite() -> None:
    hidden, table = torch.full((2, 1), 1e4), torch.tensor([[1.0], [-1.0]])
    loss = losses.softmax(hidden, table, torch.tensor([1, 0]))
    assert float(loss) == pytest.approx(1e4)


def test_softmax_of_nothing_is_0() -> None:
    assert float(losses.softmax(drawn(0, 4), drawn(5, 4), torch.empty(0, dtype=torch.long))) == 0


def test_sampled_softmax_is_that_of_the_candidates_and_skips_what_is_the_right_answer() -> None:
    positive, negative = drawn(3), drawn(3, 4, seed=1)
    negative[1, 2] = -math.inf
    rows = [torch.cat([positive[row, None], negative[row][negative[row] > -math.inf]]) for row in range(3)]
    expected = torch.stack([torch.logsumexp(row, 0) - row[0] for row in rows]).mean()
    torch.testing.assert_close(losses.sampled_softmax(positive, negative), expected)


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_log_q_is_taken_from_scores(shape: tuple[int, ...]) -> None:
    positive, negative = drawn(3), drawn(3, 4, seed=1)
    log_q, own = -drawn(*shape, seed=2).abs(), -drawn(3, seed=3).abs()
    plain = losses.sampled_softmax(positive, negative - log_q)
    torch.testing.assert_close(losses.sampled_softmax(positive, negative, log_q), plain)
    both = losses.sampled_softmax(positive - own, negative - log_q)
    torch.testing.assert_close(losses.sampled_softmax(positive, negative, log_q, own), both)
    assert not torch.isclose(plain, both)


def test_binary_cross_entropy_is_that_of_the_formula() -> None:
    positive, negative = drawn(3), drawn(3, 4, seed=1)
    by_hand = -torch.sigmoid(positive).log() - (1 - torch.sigmoid(negative)).log().sum(1)
    torch.testing.assert_close(losses.binary_cross_entropy(positive, negative), by_hand.mean())
    none = torch.cat([negative, torch.full((3, 1), -math.inf, dtype=torch.float64)], dim=1)
    torch.testing.assert_close(losses.binary_cross_entropy(positive, none), by_hand.mean())


@pytest.mark.parametrize("calibration", [0.0, 0.4, 1.0])
def test_generalised_bce_raises_the_positive_probability_to_beta(calibration: float) -> None:
    positive, negative, share = drawn(3), drawn(3, 4, seed=1), 4 / 20
    beta = share * (calibration * (1 - 1 / share) + 1 / share)
    by_hand = -(torch.sigmoid(positive) ** beta).log() - (1 - torch.sigmoid(negative)).log().sum(1)
    found = losses.generalised_bce(positive, negative, 21, calibration)
    torch.testing.assert_close(found, by_hand.mean())
    if not calibration:
        torch.testing.assert_close(found, losses.binary_cross_entropy(positive, negative))


def test_bpr_is_that_of_the_formula() -> None:
    positive, negative = drawn(3), drawn(3, 4, seed=1)
    by_hand = torch.stack([-torch.sigmoid(positive[m] - negative[m, k]).log() for m in range(3) for k in range(4)])
    torch.testing.assert_close(losses.bpr(positive, negative), by_hand.mean())


def test_info_nce_is_that_of_the_formula() -> None:
    anchors, others = drawn(4, 3), drawn(4, 3, seed=1)

    def by_hand(anchors: Tensor, others: Tensor) -> Tensor:
        cosines = torch.stack([functional.cosine_similarity(anchor[None], others) for anchor in anchors]) / 0.2
        return torch.stack([torch.logsumexp(row, 0) - row[place] for place, row in enumerate(cosines)]).mean()

    found = gradients(lambda one, other: losses.info_nce(one, other, 0.2), anchors, others)
    for one, other in zip(found, gradients(by_hand, anchors, others), strict=True):
        torch.testing.assert_close(one, other)


def test_cosine_contrastive_is_that_of_the_formula() -> None:
    positive, negative = drawn(3).tanh(), drawn(3, 4, seed=1).tanh()
    above = [max(0.0, float(score) - 0.3) for score in negative.flatten()]
    by_hand = float((1 - positive).mean()) + 5 * sum(above) / 12
    assert float(losses.cosine_contrastive(positive, negative, 0.3, 5)) == pytest.approx(by_hand)


def test_multinomial_is_that_of_the_formula() -> None:
    scores, wanted = drawn(2, 3), torch.tensor([[1.0, 0, 2], [0, 0, 1]], dtype=torch.float64)
    chance = scores.exp() / scores.exp().sum(1, keepdim=True)
    by_hand = -(wanted * chance.log()).sum() / 2
    torch.testing.assert_close(losses.multinomial(scores, wanted), by_hand)


def test_squared_error_is_the_mean_or_the_weighted_mean() -> None:
    predicted, known = torch.tensor([1.0, 2, 3]), torch.tensor([2.0, 2, 5])
    assert float(losses.squared_error(predicted, known)) == pytest.approx(5 / 3)


def refined(hidden: Tensor, table: Tensor, targets: Tensor, offsets: Tensor | None) -> Tensor:
    """Place by place: -sg(1 - p_t) (s_t - ln Σ_{c ≠ t} exp(s_c + o_c)). Khrylchenko et al., RecSys 2025."""
    parts = []
    for vector, target in zip(hidden, targets.tolist(), strict=True):
        scores = table @ vector
        raised = scores if offsets is None else scores + offsets
        others = torch.logsumexp(torch.stack([raised[c] for c in range(len(table)) if c != target]), 0)
        wrong = torch.sigmoid(others - scores[target]).detach()
        parts.append(-wrong * (scores[target] - others))
    return torch.stack(parts).mean()


def test_softmax_has_the_gradients_of_the_refined_log_q_correction(
    given: tuple[Tensor, Tensor, Tensor, Tensor | None],
) -> None:
    found, expected = gradients(losses.softmax, *given), gradients(refined, *given)
    for one, other in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(one, other)


SHARE = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
"""How likely each of four items is to be the right answer of a place."""


def batches(draws: int) -> Iterator[tuple[list[int], float]]:
    """Every way in which so many other answers may fall, in any order, and its chance."""
    for batch in itertools.combinations_with_replacement(range(len(SHARE)), draws):
        ways = math.factorial(draws) // math.prod(math.factorial(batch.count(item)) for item in range(len(SHARE)))
        yield list(batch), ways * float(SHARE[list(batch)].prod())


def expected_gradients(scores: Tensor, draws: int) -> dict[str, Tensor]:
    """What each loss does to the scores (4,), over all right answers and all batches of so many others."""
    found: dict[str, Tensor] = defaultdict(lambda: torch.zeros_like(scores))
    within = 1 - (1 - SHARE) ** draws
    for target, (batch, chance) in itertools.product(range(len(SHARE)), batches(draws)):
        leaf = scores.clone().requires_grad_()
        candidates = torch.tensor(sorted({target, *batch}))
        right = (candidates == target).nonzero()[0]
        one, others = torch.ones(1, 1, dtype=scores.dtype), torch.tensor(batch)
        positive, negative = leaf[target, None], leaf[others].where(others != target, -math.inf)[None]
        values = {
            "full": losses.softmax(one, leaf[:, None], torch.tensor([target])),
            "plain": losses.sampled_softmax(positive, negative),
            "corrected": losses.sampled_softmax(positive, negative, SHARE[others].log(), SHARE[target, None].log()),
            "refined": losses.softmax(one, leaf[candidates, None], right, -within[candidates].log()),
        }
        for name, value in values.items():
            gradient = torch.autograd.grad(value, leaf, retain_graph=True)[0]
            found[name] += float(SHARE[target]) * chance * gradient
    return found


@pytest.mark.parametrize("seed", [0, 2])
def test_the_refined_correction_comes_nearest_to_learning_from_all_items(seed: int) -> None:
    """By brute force: the expected gradient over every batch there is, against that of the softmax over all items.

    With the correction of Yi et al. the gradient lacks the weight 1 - p_t, however many are drawn.
    """
    scores = drawn(4, seed=seed)
    few, many = expected_gradients(scores, 3), expected_gradients(scores, 12)
    off, before = ({name: float((gradient - of["full"]).norm()) for name, gradient in of.items()} for of in (many, few))
    assert off["refined"] < 0.4 * before["refined"]
    assert off["refined"] < 0.03
    for name in ("plain", "corrected"):
        assert off[name] > 0.03
        assert off["refined"] < 0.6 * off[name]
    # Without any correction what few want is let off, because it is hardly ever there to be told apart from.
    assert many["plain"][-1] < many["full"][-1] - 0.01


def test_imitation_is_smallest_where_all_chances_are_those_of_the_teacher() -> None:
    marks = torch.tensor([[2.0, 0.0, -1.0, -torch.inf], [0.0, 1.0, -torch.inf, -torch.inf]])
    there = torch.isfinite(marks)
    scores = torch.randn(2, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    found = losses.imitation(scores, marks, 2.0)
    wanted = [torch.softmax(row[real] / 2, 0) for row, real in zip(marks, there, strict=True)]
    said = [torch.softmax(row[real] / 2, 0) for row, real in zip(scores, there, strict=True)]
    by_hand = -4 * sum((w * s.log()).sum() for w, s in zip(wanted, said, strict=True)) / 2
    torch.testing.assert_close(found, by_hand)
    found.backward()
    assert scores.grad is not None
    assert not scores.grad[~there].any()  # what is not there has no say
    alike = (marks.masked_fill(~there, 7.0) + 3.0).requires_grad_()  # a constant for all of a list says nothing
    losses.imitation(alike, marks, 2.0).backward()
    assert alike.grad is not None
    torch.testing.assert_close(alike.grad, torch.zeros(2, 4), atol=1e-6, rtol=0)
