"""The array types that every room speaks, and the letters of their shapes.

Axes: U users, N items, B queries in a batch, T positions of a history, E events, C candidates, K results,
D embedding width.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.signedinteger[Any]]
BoolArray: TypeAlias = NDArray[np.bool_]
Sparse: TypeAlias = sp.csr_array
