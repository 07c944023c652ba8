"""Explanation: why an item was recommended, in numbers that add up and in words."""

from serendip.explanation.reasons import NAMED, Share, reasons_of
from serendip.explanation.words import LANGUAGES, say

__all__ = ["LANGUAGES", "NAMED", "Share", "reasons_of", "say"]
