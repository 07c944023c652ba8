"""Wordings: the index by which words find items, made beside the answers before anybody searches.

Of a large catalogue it takes long: half a minute for a million items. It is made in one thread, of the model in service
first, then of others that may answer, whenever one of them has new items. It is no part of a saved model: the items of
a service are those of its store, which change after the fit.

The thread works for a few milliseconds and rests for as many, so that answers find the interpreter free. (A lower
priority would be worse: whoever is scheduled last would hold what all are waiting for.) As soon as somebody waits for
the index it rests no more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TypeVar

from serendip.pipeline.catalogue import Catalogue
from serendip.serving.deployment import Deployment
from serendip.serving.watching import Watcher

T = TypeVar("T")

LOOK_EVERY_S = 0.5
WORK_S = REST_S = 0.002
BETWEEN = 10
"""Until an index is made again, so many times as long must pass as it took: where items change all the time, a search
makes its own."""

_log = logging.getLogger(__name__)


class Wordings(Watcher):
    """Makes what is missing."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__("words", LOOK_EVERY_S)
        self._deployment = deployment
        self._made: dict[str, float] = {}  # when that of a version may be made again

    def look(self) -> None:
        for served in self._deployment.in_service():
            catalogue, fields = served.pipeline.catalogue, served.pipeline.recipe.text.fields
            now_s = time.monotonic()
            if catalogue.worded(fields) or now_s < self._made.get(served.version, now_s) or self._ended.is_set():
                continue
            try:
                catalogue.wording(fields, partial(self._paced, catalogue))
            except _EndedError:
                return
            except Exception:
                _log.exception("the index of words of the model %s could not be made", served.version)
            took_s = time.monotonic() - now_s
            self._made = {one.version: self._made.get(one.version, 0.0) for one in self._deployment.in_service()}
            self._made[served.version] = now_s + (1 + BETWEEN) * took_s

    def _paced(self, catalogue: Catalogue, texts: Iterable[T]) -> Iterator[T]:
        """The same, with rests, as long as nobody waits for the catalogue's index."""
        began_s = time.perf_counter()
        for text in texts:
            yield text
            if self._ended.is_set():
                raise _EndedError
            if not catalogue.awaited and time.perf_counter() - began_s > WORK_S:
                time.sleep(REST_S)
                began_s = time.perf_counter()


class _EndedError(Exception):
    """The service ends."""
