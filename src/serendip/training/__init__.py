"""Training: what every fit is told, and what gradient models share."""

from serendip.training.options import FitOptions

__all__ = ["FitOptions"]
