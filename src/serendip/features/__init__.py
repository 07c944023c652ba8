"""Features: raw columns to arrays."""

from serendip.features.content import ItemContent
from serendip.features.text import TextEncoder, Weighting

__all__ = ["ItemContent", "TextEncoder", "Weighting"]
