"""Retrieval: the nearest few among many."""

from serendip.retrieval.batch import recommend
from serendip.retrieval.exact import best_of, top_k
from serendip.retrieval.inverted import InvertedLists
from serendip.retrieval.reach import Reached

__all__ = ["InvertedLists", "Reached", "best_of", "recommend", "top_k"]
