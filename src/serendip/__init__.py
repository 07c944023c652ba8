"""Serendip: a recommender system around large models.

The public door: a short list of names, each loaded when it is first used, so that `import serendip` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from serendip.version import __version__

if TYPE_CHECKING:
    from serendip.data import Dataset, InputError, Query, Recommendations, Signals, Tables, Vocabulary
    from serendip.evaluation import evaluate
    from serendip.pipeline import Pipeline, Recipe
    from serendip.store import Workspace
    from serendip.training import FitOptions

_HOMES = {
    "Dataset": "data",
    "FitOptions": "training",
    "InputError": "errors",
    "Pipeline": "pipeline",
    "Query": "data",
    "Recipe": "pipeline",
    "Recommendations": "data",
    "Signals": "data",
    "Tables": "data",
    "Vocabulary": "data",
    "Workspace": "store",
    "evaluate": "evaluation",
}

__all__ = [
    "Dataset",
    "FitOptions",
    "InputError",
    "Pipeline",
    "Query",
    "Recipe",
    "Recommendations",
    "Signals",
    "Tables",
    "Vocabulary",
    "Workspace",
    "__version__",
    "evaluate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'serendip' has no attribute {name!r}")
    return getattr(import_module(f"serendip.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
