"""Reading: percentiles and shares out of what the metrics count, of all processes that answer on one address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

PERCENTILES = (0.5, 0.95, 0.99)
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Timing:
    """How long something took."""

    labels: Mapping[str, str]
    count: int
    ms: tuple[float | None, ...]
    """At `PERCENTILES`, read between the bounds of the histogram; None: it lies beyond the last of them, or nothing
    was counted."""

    def to_json(self) -> dict[str, Any]:
        named = {f"p{round(share * 100)}_ms": ms for share, ms in zip(PERCENTILES, self.ms, strict=True)}
        return {**self.labels, "count": self.count, **named}


class Reading:
    """The text of the metrics, by name."""

    def __init__(self, text: bytes) -> None:
        self._samples: dict[str, list[Sample]] = defaultdict(list)
        for family in text_string_to_metric_families(text.decode()):
            for sample in family.samples:
                self._samples[sample.name].append(sample)

    def counts(self, name: str, label: str) -> dict[str, int]:
        """A counter (`serendip_NAME_total`) by the value of one label."""
        found: dict[str, int] = defaultdict(int)
        for sample in self._samples[f"serendip_{name}_total"]:
            found[sample.labels[label]] += int(sample.value)
        return dict(found)

    def times(self, name: str, *by: str) -> list[Timing]:
        """A histogram (`serendip_NAME_seconds`), by the labels named in `by`, added up over all others."""
        buckets: dict[Labels, dict[float, float]] = defaultdict(lambda: defaultdict(float))
        for sample in self._samples[f"serendip_{name}_seconds_bucket"]:
            labels = tuple((label, sample.labels[label]) for label in by)
            buckets[labels][float(sample.labels["le"])] += sample.value
        return [_timing(labels, sorted(bounds.items())) for labels, bounds in buckets.items()]


def _timing(labels: Labels, bounds: list[tuple[float, float]]) -> Timing:
    count = bounds[-1][1] if bounds else 0
    return Timing(dict(labels), int(count), tuple(_quantile(bounds, share * count) for share in PERCENTILES))


def _quantile(bounds: Iterable[tuple[float, float]], rank: float) -> float | None:
    """Milliseconds, by a straight line within the bucket, as Prometheus' `histogram_quantile` reads it."""
    for (low, before), (high, upto) in pairwise([(0.0, 0.0), *bounds]):
        if upto >= rank > before:
            return None if high == float("inf") else 1000 * (low + (high - low) * (rank - before) / (upto - before))
    return None
