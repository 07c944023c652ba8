"""Advice: what an experiment says now: ship the new, hold on, or stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from serendip.evaluation.experiments.sequential import BROKEN_SPLIT
from serendip.evaluation.significance import Estimate

Verdict = Literal["ship", "hold", "stop"]
Reason = Literal["split_broken", "harm", "too_few", "better", "worse", "alike", "open"]


@dataclass(frozen=True)
class Advice:
    """What to do, and why: as a word and in a sentence."""

    verdict: Verdict
    reason: Reason
    why: str


def advise(gain: Estimate, harms: Mapping[str, Estimate], worth: float, split_p: float) -> Advice:
    """What follows from the figures; it may be asked at any time, and as often as one likes.

    Args:
        gain: by how much the arm is better than the control, with its always-valid interval.
        harms: likewise, by how much more of something bad it brings.
        worth: the smallest difference worth knowing.
        split_p: of `split_p_value`.
    """
    if split_p < BROKEN_SPLIT:
        why = f"the split is broken (p = {split_p:.1g}): find out who is lost before reading any figure"
        return Advice("hold", "split_broken", why)
    for name, harm in harms.items():
        if harm.low is not None and harm.low > 0:
            return Advice("stop", "harm", f"it does harm: {name} is surely up, by {harm.mean:.2%} of lists")
    if gain.low is None or gain.high is None:
        return Advice("hold", "too_few", "too few people took part to tell")
    if gain.low > 0:
        return Advice("ship", "better", f"it is surely better, by {gain.mean:+.2%} of lists")
    if gain.high < 0:
        return Advice("stop", "worse", f"it is surely worse, by {gain.mean:+.2%} of lists")
    if gain.low > -worth and gain.high < worth:
        return Advice("stop", "alike", f"there is no difference worth knowing (less than {worth:.2%} of lists)")
    return Advice("hold", "open", "not decided yet: 0 is within the interval")
