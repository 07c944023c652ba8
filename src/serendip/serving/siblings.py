"""Siblings: what processes on one socket count, added up, whichever of them is asked."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Thread

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

WAIT_S = 1.0
"""For a sibling that is busy; one that does not answer is left out."""
LARGEST = frozenset(
    {
        "serendip_model_age_seconds",
        "serendip_drift_items",
        "serendip_drift_types",
        "serendip_drift_scores",
        "serendip_alerts",
        "serendip_exploring",
        "serendip_build",
        "process_start_time_seconds",
        "process_max_fds",
    }
)
"""Of these the largest is told, of all others the sum."""

_log = logging.getLogger(__name__)


class Siblings:
    """The processes whose sockets lie in one folder, this one included."""

    def __init__(self, folder: Path, place: int, own: Callable[[], bytes]) -> None:
        self._path, self._own = folder / f"{place}.sock", own
        self._listening: socket.socket | None = None

    def start(self) -> None:
        """Tell siblings from now on what was counted here."""
        self._path.unlink(missing_ok=True)  # of a process whose place this one takes
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(self._path))
        self._listening.listen()
        Thread(target=self._tell, args=(self._listening,), name="siblings", daemon=True).start()

    def stop(self) -> None:
        if self._listening is not None:
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread
            self._listening.close()

    def count(self) -> int:
        """How many there are by now."""
        return len(list(self._path.parent.glob("*.sock")))

    def text(self) -> bytes:
        """What all of them counted, in the text format of Prometheus."""
        others = (path for path in self._path.parent.glob("*.sock") if path != self._path)
        return merged([self._own(), *filter(None, map(_asked, others))])

    def _tell(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(WAIT_S)
                connection.sendall(self._own())


def _asked(path: Path) -> bytes:
    """What a sibling counted; nothing where it does not say."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(WAIT_S)
            connection.connect(str(path))
            return b"".join(iter(lambda: connection.recv(1 << 16), b""))
    except OSError as error:
        _log.warning("a process of the service does not say what it counted: %s", type(error).__name__)
        return b""


def merged(texts: Sequence[bytes]) -> bytes:
    """One text of several of the same kind: sums, and the largest of what cannot be added."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text.decode()):
            families.setdefault(family.name, family)
            found = values.setdefault(family.name, {})
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.items())
                known = found.get(key)
                largest = family.name in LARGEST or sample.name.endswith("_created")
                both = (known or 0.0, sample.value)
                found[key] = sample.value if known is None else max(both) if largest else sum(both)
    return generate_latest(_Collected(_told(families, values)))


def _told(
    families: dict[str, Metric], values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]]
) -> Iterator[Metric]:
    for name, family in families.items():
        told = Metric(name, family.documentation, family.type)
        for (sample, labels), value in values[name].items():
            told.add_sample(sample, dict(labels), value)
        yield told


class _Collected:
    """As much of a registry as it takes to be written."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
