"""Counters and timings: the names that dashboards rely on, and how many there can be."""

from __future__ import annotations

import pytest

from serendip.serving import metrics as module
from serendip.serving.metrics import ANSWERERS, LIMITS, STAGES, Metrics


class Route:
    path = "/v1/users/{user_id}"


def line(metrics: Metrics, start: str) -> float:
    """The number behind the one line that starts so."""
    (found,) = [line for line in metrics.text().decode().splitlines() if line.startswith(start + " ")]
    return float(found.split()[-1])


def test_each_stage_is_timed_under_its_name() -> None:
    metrics = Metrics()
    with metrics.stage("sources"):
        pass
    metrics.observe_stage("sources", 0.2)
    assert line(metrics, 'serendip_stage_seconds_count{stage="sources"}') == 2
    assert line(metrics, 'serendip_stage_seconds_sum{stage="sources"}') >= 0.2
    for stage in set(STAGES) - {"sources"}:
        assert line(metrics, f'serendip_stage_seconds_count{{stage="{stage}"}}') == 0


def test_a_stage_that_fails_is_timed_and_fails() -> None:
    metrics = Metrics()
    with pytest.raises(ZeroDivisionError), metrics.stage("ranking"):
        raise ZeroDivisionError
    assert line(metrics, 'serendip_stage_seconds_count{stage="ranking"}') == 1


def test_two_uses_of_a_stage_at_once_do_not_mix() -> None:
    metrics = Metrics()
    with metrics.stage("reasons"), metrics.stage("reasons"):
        pass
    assert line(metrics, 'serendip_stage_seconds_count{stage="reasons"}') == 2


def test_an_unknown_stage_is_a_mistake_of_the_programme() -> None:
    with pytest.raises(KeyError):
        Metrics().stage("thinking")


def test_who_answered_what_was_limited_and_how_soon_events_count() -> None:
    metrics = Metrics()
    for by in ANSWERERS:
        metrics.answered(by)
    metrics.answered("popular")
    for limit in LIMITS:
        metrics.limited(limit)
    metrics.observe_effect(0.03)
    assert line(metrics, 'serendip_answers_total{by="popular"}') == 2
    assert line(metrics, 'serendip_answers_total{by="current"}') == 1
    assert line(metrics, 'serendip_limited_total{limit="failures"}') == 1
    assert line(metrics, 'serendip_event_effect_seconds_bucket{le="0.05"}') == 1
    assert line(metrics, 'serendip_event_effect_seconds_bucket{le="0.025"}') == 0


def test_the_process_and_the_build_are_told() -> None:
    metrics = Metrics()
    assert line(metrics, "process_resident_memory_bytes") > 1_000_000
    assert 'serendip_build_info{python="3.' in metrics.text().decode()


def test_invented_methods_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may send any word as its method; each would be one more series, kept for ever."""

    def series() -> int:
        metrics = Metrics()
        for n in range(50):
            metrics.observe({"method": f"M{n}", "route": Route()}, 405, 0.001)
        return metrics.text().decode().count("serendip_request_seconds_count{")

    assert series() == 1
    monkeypatch.setattr(module, "METHODS", {f"M{n}" for n in range(50)})  # with the guard off
    assert series() == 50
