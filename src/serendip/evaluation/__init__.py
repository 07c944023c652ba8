"""Evaluation: a figure is a claim about a protocol."""

from serendip.evaluation.comparing import evaluate
from serendip.evaluation.protocol import Protocol
from serendip.evaluation.rankers import ModelRanker, Ranker
from serendip.evaluation.report import Comparison, Report, Result
from serendip.evaluation.significance import Estimate

__all__ = ["Comparison", "Estimate", "ModelRanker", "Protocol", "Ranker", "Report", "Result", "evaluate"]
