"""Evaluation: a figure is a claim about a protocol."""

from serendip.evaluation.comparing import evaluate
from serendip.evaluation.leakage import Finding, leaks
from serendip.evaluation.protocol import Protocol
from serendip.evaluation.rankers import ModelRanker, Ranker, Scorer
from serendip.evaluation.rating import evaluate_ratings
from serendip.evaluation.rating_exam import RatingProtocol
from serendip.evaluation.report import Comparison, Gap, Report, Result, Slice
from serendip.evaluation.significance import Estimate

__all__ = [
    "Comparison",
    "Estimate",
    "Finding",
    "Gap",
    "ModelRanker",
    "Protocol",
    "Ranker",
    "RatingProtocol",
    "Report",
    "Result",
    "Scorer",
    "Slice",
    "evaluate",
    "evaluate_ratings",
    "leaks",
]
