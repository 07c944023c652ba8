"""Store: what is true and stays true; the folder that holds it, its settings and the fitted models."""

from serendip.store.contract import (
    Attributes,
    Changes,
    Exposure,
    Key,
    Kind,
    Receipt,
    Rejected,
    Store,
    StoredEvent,
    StoreError,
)
from serendip.store.service import ServiceSettings
from serendip.store.settings import Settings
from serendip.store.workspace import Workspace, open_store

__all__ = [
    "Attributes",
    "Changes",
    "Exposure",
    "Key",
    "Kind",
    "Receipt",
    "Rejected",
    "ServiceSettings",
    "Settings",
    "Store",
    "StoreError",
    "StoredEvent",
    "Workspace",
    "open_store",
]
