"""Store: what is true and stays true; the folder that holds it, its settings and the fitted models."""

from serendip.store.contract import Store, StoreError, StoreFullError, StoreReadOnlyError
from serendip.store.records import (
    Arm,
    Attributes,
    Changes,
    Comparison,
    Drawn,
    Erasure,
    Experiment,
    Exposure,
    Key,
    Kind,
    Mark,
    Receipt,
    Rejected,
    Showings,
    StoredEvent,
    StoredRule,
)
from serendip.store.service import ServiceSettings
from serendip.store.settings import Settings
from serendip.store.workspace import Workspace, open_store

__all__ = [
    "Arm",
    "Attributes",
    "Changes",
    "Comparison",
    "Drawn",
    "Erasure",
    "Experiment",
    "Exposure",
    "Key",
    "Kind",
    "Mark",
    "Receipt",
    "Rejected",
    "ServiceSettings",
    "Settings",
    "Showings",
    "Store",
    "StoreError",
    "StoreFullError",
    "StoreReadOnlyError",
    "StoredEvent",
    "StoredRule",
    "Workspace",
    "open_store",
]
