"""Losses: how far scores are from what people did. Each is apart from models, batches and negatives.

Axes: `M` places with a right answer, `D` width, `C` candidates shared by all places, `K` negatives of each place.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

ROWS = 512
"""Places whose scores for all candidates are held at once: they stay in the cache."""


def softmax(hidden: Tensor, table: Tensor, targets: Tensor, offsets: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of `hidden @ table.T` against `targets`, without ever holding those scores, ().

        -s_t + ln Σ_c exp(s_c + o_c),   o_t = 0

    `hidden` (M, D), `table` (C, D), `targets` (M,) places in `table`, `offsets` (C,) o, which the target of a place is
    exempt from. With o_c = -ln P(c is a candidate) the sum over drawn candidates estimates the sum over all without
    bias (Horvitz and Thompson 1952). With the target exempt, because it is there for certain, this is the refined log-Q
    correction of Khrylchenko, Baikalov, Makeev, Matveev and Liamaev, "Correcting the LogQ correction", RecSys 2025:

        -sg(1 - p_t) (s_t - ln Σ_{c ≠ t} exp(s_c + o_c)),   p_t = exp(s_t) / Σ_c exp(s_c + o_c)

    has, place by place, the same gradient, sg being what is held fixed.

    The gradient is found in the same pass, block by block of `ROWS` places: memory O(ROWS C + C D + M D), not O(M C),
    as in Wijmans et al., "Cut your losses in large-vocabulary language models", ICLR 2025.
    """
    found = _Softmax.apply(hidden, table, targets, offsets)  # type: ignore[no-untyped-call]
    return cast(Tensor, found)


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, table: Tensor, targets: Tensor, offsets: Tensor | None) -> Tensor:
        total = hidden.new_zeros(())
        of_hidden, of_table = torch.empty_like(hidden), torch.zeros_like(table)
        for start in range(0, len(hidden), ROWS):
            block = slice(start, start + ROWS)
            part, right = hidden[block], targets[block, None]
            scores = part @ table.T  # (R, C)
            wanted = scores.gather(1, right)
            if offsets is not None:
                scores += offsets
                scores.scatter_(1, right, wanted)
            peak = scores.amax(1, keepdim=True)
            scores.sub_(peak).exp_()
            sums = scores.sum(1, keepdim=True)
            total += (sums.log() + peak - wanted).sum()
            scores.div_(sums)
            scores.scatter_add_(1, right, scores.new_full(right.shape, -1.0))
            of_hidden[block] = scores @ table
            of_table.addmm_(scores.T, part)
        ctx.save_for_backward(of_hidden, of_table)
        ctx.n_places = max(1, len(hidden))
        return cast(Tensor, total / ctx.n_places)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        of_hidden, of_table = ctx.saved_tensors
        scale = gradients[0] / ctx.n_places
        return of_hidden * scale, of_table * scale, None, None


def softmax_of_many(hidden: Tensor, table: Tensor, owners: Tensor, targets: Tensor) -> Tensor:
    """`softmax` of `hidden[owners]` against `targets`, at the price of one answer for each of `hidden`, ().

    `hidden` (B, D), `table` (C, D), `owners` (M,) rows of `hidden`, ascending, and `targets` (M,) places in `table`:
    who is asked for n things is asked once, and counts n times. Memory O(ROWS C + C D + B D).
    """
    return cast(Tensor, _SoftmaxOfMany.apply(hidden, table, owners, targets))  # type: ignore[no-untyped-call]


class _SoftmaxOfMany(_Softmax):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, table: Tensor, owners: Tensor, targets: Tensor) -> Tensor:  # type: ignore[override]
        total = hidden.new_zeros(())
        of_hidden, of_table = torch.empty_like(hidden), torch.zeros_like(table)
        counts = torch.bincount(owners, minlength=len(hidden))[:, None]
        ends = torch.cumsum(counts[:, 0], 0)
        for start in range(0, len(hidden), ROWS):
            block = slice(start, start + ROWS)
            part, times = hidden[block], counts[block]
            answers = slice(int(ends[start] - times[0]), int(ends[start + len(part) - 1]))
            rows, right = owners[answers] - start, targets[answers]
            scores = part @ table.T  # (R, C)
            wanted = scores[rows, right]
            peak = scores.amax(1, keepdim=True)
            scores.sub_(peak).exp_()
            sums = scores.sum(1, keepdim=True)
            total += ((sums.log() + peak) * times).sum() - wanted.sum()
            scores.mul_(times / sums)
            scores.index_put_((rows, right), scores.new_full(right.shape, -1.0), accumulate=True)
            of_hidden[block] = scores @ table
            of_table.addmm_(scores.T, part)
        ctx.save_for_backward(of_hidden, of_table)
        ctx.n_places = max(1, len(targets))
        return cast(Tensor, total / ctx.n_places)


def sampled_softmax(
    positive: Tensor, negative: Tensor, log_q: Tensor | None = None, log_q_positive: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy of one right answer among drawn ones, ().

    `positive` (M,), `negative` (M, K), -inf where one drawn is the right answer; `log_q` (K,) or (M, K), the logarithm
    of the chance with which each was drawn, `log_q_positive` (M,) that of the right answers, 0 at most. Both given:
    the log-Q correction of Yi et al., "Sampling-bias-corrected neural modeling", RecSys 2019; `log_q` alone: the
    right answer is there for certain, so it is not corrected (see `softmax`).
    """
    if log_q is not None:
        negative = negative - log_q
    if log_q_positive is not None:
        positive = positive - log_q_positive
    right = torch.zeros(len(positive), dtype=torch.long, device=positive.device)
    return functional.cross_entropy(torch.cat([positive[:, None], negative], dim=1), right)


def imitation(scores: Tensor, marks: Tensor, temperature: float) -> Tensor:
    """-T² Σ_k softmax(t / T)_k ln softmax(s / T)_k, the mean over lists, (): Hinton, Vinyals and Dean, 2015, section 2.

    `scores` s (L, K) and `marks` t (L, K), -inf where there is no candidate.
    """
    wanted = torch.softmax(marks / temperature, dim=1)
    said = torch.log_softmax((scores / temperature).masked_fill(torch.isinf(marks), -torch.inf), dim=1)
    return -(temperature**2) * (wanted * said.masked_fill(torch.isinf(marks), 0)).sum(1).mean()


def binary_cross_entropy(positive: Tensor, negative: Tensor) -> Tensor:
    """-ln σ(s⁺) - Σ_k ln(1 - σ(s_k⁻)), the mean over places, (). `positive` (M,), `negative` (M, K), -inf: none."""
    return (functional.softplus(-positive) + functional.softplus(negative).sum(1)).mean()


def generalised_bce(positive: Tensor, negative: Tensor, n_items: int, calibration: float) -> Tensor:
    """Binary cross-entropy whose positive probability is raised to β, (): Petrov and Macdonald, "gSASRec", RecSys 2023.

    β = α (t (1 - 1/α) + 1/α), with α = K / (n_items - 1) of all negatives drawn and t the `calibration`: 0 is plain
    binary cross-entropy, 1 undoes all over-confidence that comes from drawing few. -ln σ(s)^β = β softplus(-s).
    """
    share = negative.shape[1] / max(1, n_items - 1)
    beta = share * (calibration * (1 - 1 / share) + 1 / share)
    return (beta * functional.softplus(-positive) + functional.softplus(negative).sum(1)).mean()


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """-ln σ(s⁺ - s⁻), the mean, (): Rendle et al., UAI 2009. `positive` (M,), `negative` (M, K)."""
    return functional.softplus(negative - positive[:, None]).mean()


def info_nce(anchors: Tensor, others: Tensor, temperature: float) -> Tensor:
    """Each of `anchors` (M, D) recognises its own among `others` (M, D) by cosine, the mean cross-entropy, ().

    van den Oord, Li and Vinyals, "Representation learning with contrastive predictive coding", 2018, equation 4.
    """
    own = torch.arange(len(anchors), device=anchors.device)
    return softmax(functional.normalize(anchors, dim=1) / temperature, functional.normalize(others, dim=1), own)


def cosine_contrastive(positive: Tensor, negative: Tensor, margin: float, weight: float) -> Tensor:
    """1 - s⁺ + w / K Σ_k max(0, s_k⁻ - m) over cosines, the mean, (): Mao et al., "SimpleX", CIKM 2021, equation 1.

    `positive` (M,), `negative` (M, K), both within [-1, 1].
    """
    return (1 - positive + weight * functional.relu(negative - margin).mean(1)).mean()


def multinomial(scores: Tensor, wanted: Tensor) -> Tensor:
    """-Σ_i x_i ln softmax(s)_i, the mean over people, (), both (B, N): Liang et al., WWW 2018, equation 2."""
    return -(functional.log_softmax(scores, dim=1) * wanted).sum(1).mean()


def squared_error(predicted: Tensor, known: Tensor) -> Tensor:
    """The mean of (r̂ - r)² over what is known, (); both of one shape."""
    return (predicted - known).square().mean()
