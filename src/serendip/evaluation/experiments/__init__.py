"""Experiments: who sees what, how two lists become one, what the outcome says; pure functions over arrays."""

from serendip.evaluation.experiments.advice import Advice, advise
from serendip.evaluation.experiments.assignment import Stretch, arm_of, assigned, spot
from serendip.evaluation.experiments.exploration import cost
from serendip.evaluation.experiments.interleaving import Drafted, team_draft
from serendip.evaluation.experiments.regret import growth, learning
from serendip.evaluation.experiments.results import ArmResult, Results, results
from serendip.evaluation.experiments.sequential import Tally, always_valid, difference, rate, split_p_value

__all__ = [
    "Advice",
    "ArmResult",
    "Drafted",
    "Results",
    "Stretch",
    "Tally",
    "advise",
    "always_valid",
    "arm_of",
    "assigned",
    "cost",
    "difference",
    "growth",
    "learning",
    "rate",
    "results",
    "split_p_value",
    "spot",
    "team_draft",
]
