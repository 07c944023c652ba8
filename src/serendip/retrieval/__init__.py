"""Retrieval: the nearest few among many."""

from serendip.retrieval.batch import recommend
from serendip.retrieval.exact import top_k

__all__ = ["recommend", "top_k"]
