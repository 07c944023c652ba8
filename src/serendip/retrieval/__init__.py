"""Retrieval: the nearest few among many."""

from serendip.retrieval.exact import top_k

__all__ = ["top_k"]
