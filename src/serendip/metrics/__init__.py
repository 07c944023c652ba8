"""Metrics: pure functions over ranked rows and ratings; evaluation reports them, training stops early by them."""

from serendip.metrics.exposure import average_popularity, coverage, gini, novelty, times_listed
from serendip.metrics.ranking import (
    average_precision,
    hit_rate,
    hits_in,
    ndcg,
    precision,
    ranking_metrics,
    recall,
    reciprocal_rank,
)
from serendip.metrics.ratings import mae, rmse

__all__ = [
    "average_popularity",
    "average_precision",
    "coverage",
    "gini",
    "hit_rate",
    "hits_in",
    "mae",
    "ndcg",
    "novelty",
    "precision",
    "ranking_metrics",
    "recall",
    "reciprocal_rank",
    "rmse",
    "times_listed",
]
