"""Features: raw columns to arrays."""

from serendip.features.text import TextEncoder

__all__ = ["TextEncoder"]
