"""Pipeline: sources, filters, blending, re-ranking, reasons, exactly as a recipe says."""

from serendip.pipeline.pipeline import Pipeline
from serendip.pipeline.recipe import Recipe

__all__ = ["Pipeline", "Recipe"]
