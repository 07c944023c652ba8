"""Training: what every fit is told, and what gradient models share."""

from serendip.training.options import FitOptions, one_blas_thread

__all__ = ["FitOptions", "one_blas_thread"]
