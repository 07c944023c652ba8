"""Metrics: pure functions over ranked rows and ratings; evaluation reports them, training stops early by them."""

from serendip.metrics.drift import Stability, stability
from serendip.metrics.exposure import (
    average_popularity,
    coverage,
    gini,
    novelty,
    tail_items,
    tail_share,
    times_listed,
)
from serendip.metrics.groups import gap, group_means
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
from serendip.metrics.rates import wilson
from serendip.metrics.ratings import mae, rmse
from serendip.metrics.scores import auc
from serendip.metrics.variety import calibration, intra_list_diversity, serendipity

__all__ = [
    "Stability",
    "auc",
    "average_popularity",
    "average_precision",
    "calibration",
    "coverage",
    "gap",
    "gini",
    "group_means",
    "hit_rate",
    "hits_in",
    "intra_list_diversity",
    "mae",
    "ndcg",
    "novelty",
    "precision",
    "ranking_metrics",
    "recall",
    "reciprocal_rank",
    "rmse",
    "serendipity",
    "stability",
    "tail_items",
    "tail_share",
    "times_listed",
    "wilson",
]
