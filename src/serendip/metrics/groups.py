"""Whether all groups of people are served alike."""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import FloatArray, IntArray


def group_means(values: FloatArray, groups: IntArray, n_groups: int) -> FloatArray:
    """Mean of `values` (B,) over the people of each group, (G,); NaN values are left out, NaN for empty groups.

    Args:
        groups: (B,), the group of each person, 0 to G - 1; -1 for none.
    """
    counted = np.isfinite(values) & (groups >= 0)
    sizes = np.bincount(groups[counted], minlength=n_groups)
    totals = np.bincount(groups[counted], values[counted], minlength=n_groups)
    return np.where(sizes > 0, totals / np.maximum(sizes, 1), np.nan)


def gap(means: FloatArray) -> float:
    """The mean of the best served group minus that of the worst, from `means` (G,); NaN below two known groups.

    Ekstrand, Das, Burke, Diaz, "Fairness in Information Access Systems", FnTIR 16(1-2), 2022.
    """
    known = means[np.isfinite(means)]
    return float(known.max() - known.min()) if len(known) > 1 else float("nan")
