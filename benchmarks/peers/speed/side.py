"""Side: one library in its own process that does the same work again whenever it is told, and says how long it took.

`python SIDE.py FOLDER`, then on its input a line per repetition with the name of the work; on its output a line of JSON
each. FOLDER holds `scores.npy` (U, N) float32, and the pairs of `train.npy` and `test.npy`, (E, 2) user and item rows.
Needs Python 3.10 and numpy.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

Work = Callable[[], "dict[str, float]"]
"""Returns metrics, by which the sides can be seen to measure the same."""


def serve(works: dict[str, Work]) -> None:
    for line in sys.stdin:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        metrics = works[line.strip()]()
        said = {"wall_s": time.perf_counter() - wall_s, "cpu_s": time.process_time() - cpu_s, "metrics": metrics}
        sys.__stdout__.write(json.dumps(said) + "\n")
        sys.__stdout__.flush()
