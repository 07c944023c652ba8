"""Store: what is true and stays true; the folder that holds it, its settings and the fitted models."""

from serendip.store.contract import Store, StoreError, StoreFullError, StoreReadOnlyError
from serendip.store.records import (
    Arm,
    Attributes,
    AuditEntry,
    Changes,
    Comparison,
    Drawn,
    Erasure,
    Experiment,
    Exposure,
    Imported,
    Key,
    Kind,
    Mark,
    Receipt,
    Rejected,
    Sample,
    Showings,
    StoredEvent,
    StoredRule,
    TypeCount,
)
from serendip.store.service import ServiceSettings
from serendip.store.settings import Settings
from serendip.store.workspace import Workspace, open_store

__all__ = [
    "Arm",
    "Attributes",
    "AuditEntry",
    "Changes",
    "Comparison",
    "Drawn",
    "Erasure",
    "Experiment",
    "Exposure",
    "Imported",
    "Key",
    "Kind",
    "Mark",
    "Receipt",
    "Rejected",
    "Sample",
    "ServiceSettings",
    "Settings",
    "Showings",
    "Store",
    "StoreError",
    "StoreFullError",
    "StoreReadOnlyError",
    "StoredEvent",
    "StoredRule",
    "TypeCount",
    "Workspace",
    "open_store",
]
