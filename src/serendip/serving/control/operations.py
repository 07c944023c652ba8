"""Operations: how the service stands, put together from what its parts say of themselves."""

from __future__ import annotations

import os
import platform
import time
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from serendip.data.times import rfc3339
from serendip.serving import gate
from serendip.serving.control.backups import Backups, made_at
from serendip.serving.storage import Storage
from serendip.store import ServiceSettings
from serendip.store.settings import field_documents
from serendip.version import __version__

QUEUES = {
    "writes": "serendip_writes_waiting",
    "exposures": "serendip_exposures_waiting",
    "erasures": "serendip_erasures_waiting",
    "requests": "serendip_requests_under_way",
}
"""What waits, and the gauge that counts it, in all processes of the service."""
TRAINING, ALERTS = "serendip_training_running", "serendip_alerts"
MEMORY, SINCE = "process_resident_memory_bytes", "process_start_time_seconds"
COUNTED = frozenset({*QUEUES.values(), TRAINING, ALERTS, MEMORY, SINCE})

BODIES = {
    "body_bytes": (gate.BODY_LIMIT, "Bytes that the body of a request has at most."),
    "events_body_bytes": (gate.EVENTS_BODY_LIMIT, "The same for events."),
    "picture_body_bytes": (gate.PICTURE_BODY_LIMIT, "The same for requests for lists, which may hold a picture."),
    "file_body_bytes": (gate.FILE_BODY_LIMIT, "The same for files to import."),
}


def counted(text: bytes) -> dict[str, float]:
    """The gauges of `COUNTED` in the text format of Prometheus."""
    families = text_string_to_metric_families(text.decode())
    return {one.name: one.value for family in families if family.name in COUNTED for one in family.samples}


def process(numbers: dict[str, float], processes: int) -> dict[str, Any]:
    """What runs, since when, and what it takes."""
    since_s = numbers.get(SINCE)
    return {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count() or 1,
        "processes": processes,
        "memory_bytes": int(numbers[MEMORY]) if MEMORY in numbers else None,
        "since": None if since_s is None else rfc3339(int(since_s * 1000)),
        "up_s": None if since_s is None else max(time.time() - since_s, 0.0),
    }


def queues(numbers: dict[str, float]) -> dict[str, int]:
    """How many of each kind wait."""
    return {name: int(numbers.get(gauge, 0)) for name, gauge in QUEUES.items()}


def storage(measured: Storage) -> dict[str, Any]:
    """What it takes on the disk."""
    now = measured.now()
    parts = [
        {"name": name, "bytes": part.bytes, "files": part.files, "whole": part.whole}
        for name, part in now.parts.items()
    ]
    told = {"parts": parts, "free_bytes": now.free_bytes, "total_bytes": now.total_bytes}
    return {**told, "measured": rfc3339(int(now.at_s * 1000))}


def limits(settings: ServiceSettings) -> list[dict[str, Any]]:
    """What one client may do, and for how long anybody is waited for."""
    about = field_documents(ServiceSettings)
    told = [
        {"name": name, "value": value, "about": " ".join(about.get(name, "").split())}
        for name, value in settings.model_dump().items()
    ]
    return told + [{"name": name, "value": value, "about": said} for name, (value, said) in BODIES.items()]


def backups(made: Backups, folder: str) -> dict[str, Any]:
    """Those there are, and the one that was begun last."""
    latest = made.latest()
    under = None if latest is None else {**vars(latest), "ended": latest.ended}
    data = [{"name": name, "bytes": size, "made": made_at(name)} for name, size in made.names()]
    return {"data": data, "latest": under, "folder": folder, "restore": _restore(data, folder)}


def _restore(data: list[dict[str, Any]], folder: str) -> str | None:
    return f"serendip restore {folder}/{data[0]['name']} NEW_FOLDER" if data else None
