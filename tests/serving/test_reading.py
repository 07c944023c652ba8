"""Percentiles and shares out of the text of the metrics."""

from __future__ import annotations

import pytest

from serendip.serving.control.reading import Reading
from serendip.serving.metrics import Metrics


def observed(*seconds: float) -> Metrics:
    metrics = Metrics()
    for one in seconds:
        metrics.observe({"method": "GET", "type": "http"}, 200, one)
    return metrics


def test_percentiles_lie_within_the_bucket_that_holds_them() -> None:
    (timing,) = Reading(observed(*[0.002] * 50, *[0.04] * 50).text()).times("request", "method", "route")
    assert timing.labels == {"method": "GET", "route": "none"}
    assert timing.count == 100
    p50, p95, p99 = timing.ms
    assert p50 == pytest.approx(2.5)  # the last of fifty in the bucket from 1 to 2.5 ms
    assert p95 == pytest.approx(25 + 25 * 45 / 50)
    assert p99 == pytest.approx(25 + 25 * 49 / 50)


def test_beyond_the_last_bound_nothing_is_claimed() -> None:
    (timing,) = Reading(observed(100.0).text()).times("request", "route")
    assert timing.ms == (None, None, None)
    assert Reading(Metrics().text()).times("request", "route") == []
    (nothing,) = Reading(Metrics().text()).times("event_effect")
    assert (nothing.count, nothing.ms) == (0, (None, None, None))


def test_labels_that_are_not_asked_for_are_added_up() -> None:
    metrics = observed(0.002)
    metrics.observe({"method": "GET", "type": "http"}, 500, 0.002)
    assert [one.count for one in Reading(metrics.text()).times("request", "route")] == [2]
    assert [one.count for one in Reading(metrics.text()).times("request", "status")] == [1, 1]


def test_counters_by_label() -> None:
    metrics = Metrics()
    metrics.answered("popular")
    metrics.answered("popular")
    assert Reading(metrics.text()).counts("answers", "by") == {"current": 0, "previous": 0, "popular": 2, "empty": 0}
