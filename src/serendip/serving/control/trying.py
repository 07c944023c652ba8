"""Trying: the list that somebody would get now, with what every step decided; nothing of it is logged."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serendip.data import InputError, Recommendations
from serendip.pipeline import Pipeline
from serendip.pipeline.tracing import Trace, traced
from serendip.serving.asked import Asked
from serendip.serving.deployment import Deployment, Served
from serendip.serving.experiments import Experiments
from serendip.serving.shop_rules import ShopRules
from serendip.store import Store

NAMED = 50
"""Candidates of each source, and places of the ranking, whose attributes are told."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tried:
    """A list that nobody was shown."""

    model_version: str | None
    """None: there is no model that answers."""
    recipe: str | None
    arm: str | None
    """Of the experiment that the person takes part in."""
    found: Recommendations
    trace: Trace | None
    notes: tuple[str, ...]
    """What would be otherwise in a real answer."""
    took_ms: float


class Trials:
    """Answers as the engine does, but tells all and leaves no trace: no exposure, no count, nothing by chance."""

    def __init__(self, deployment: Deployment, experiments: Experiments, rules: ShopRules) -> None:
        self._deployment, self._experiments, self._rules = deployment, experiments, rules

    def of(self, asked: Asked) -> Tried:
        """The list for `asked`, which is no ranking of given items.

        Raises:
            InputError: a filter of the query makes no sense.
        """
        asked = self._rules.ruled(asked)
        part = self._experiments.of(asked)
        arm = part.arm if part is not None else None
        notes = ["two lists are interleaved for this person; this is one of them"] if part and not arm else []
        started_s = time.perf_counter()
        for served in self._in_order(arm.model_version if arm else None):
            try:
                found, trace = _way(served.pipeline, asked)
            except InputError:
                raise
            except Exception:
                _log.exception("the model %s failed", served.version)
                notes.append(f"the model {served.version} failed")
                continue
            if served.pipeline.exploring and served.pipeline.recipe.exploration.places:
                notes.append("places that are given by chance are not drawn")
            took_ms = (time.perf_counter() - started_s) * 1000
            name = arm.name if arm else None
            return Tried(served.version, served.pipeline.recipe.name, name, found, trace, tuple(notes), took_ms)
        nothing = Recommendations((), ("there is no model yet: lists are by popularity alone",))
        return Tried(None, None, None, nothing, None, tuple(notes), (time.perf_counter() - started_s) * 1000)

    def _in_order(self, version: str | None) -> Iterator[Served]:
        first = None if version is None else self._deployment.of_version(version)
        if first is not None:
            yield first
        yield from (served for served in self._deployment.in_order() if served is not first)


def _way(pipeline: Pipeline, asked: Asked) -> tuple[Recommendations, Trace | None]:
    if asked.item_id is None:
        return traced(pipeline, asked.query, asked.under.rules)
    if asked.item_id not in pipeline.items:
        return asked.of(pipeline), None  # which says so
    return traced(pipeline, pipeline.likened(asked.item_id, asked.query), asked.under.rules)


def described(trace: Trace | None, more: Iterable[str], store: Store) -> Mapping[str, dict[str, Any]]:
    """The attributes of the items that a trace begins with, and of `more`."""
    return store.attributes(list(dict.fromkeys([*more, *_first(trace)])))


def _first(trace: Trace | None) -> Sequence[str]:
    if trace is None:
        return ()
    proposed = [one.item_id for source in trace.sources for one in source.candidates[:NAMED]]
    return [*trace.item_ids, *(one.item_id for one in trace.ranking[:NAMED]), *proposed]
