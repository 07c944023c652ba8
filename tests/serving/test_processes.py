"""Several processes on one socket are one service: they answer alike, end alike, and what they count is added up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from serendip.data import InputError
from serendip.serving.metrics import Metrics
from serendip.serving.processes import Handed
from serendip.serving.siblings import Siblings, merged
from serendip.store import Workspace

SERVE = "import sys; from serendip.cli import main; sys.exit(main())"


def until(holds: Callable[[], bool], within_s: float = 60) -> None:
    deadline_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Two processes behind one address."""
    Workspace.create(tmp_path / "shop").close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = [sys.executable, "-c", SERVE, "serve", str(tmp_path / "shop"), "--port", str(port), "--processes", "2"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    assert f":{port}" in process.stdout.readline()
    yield process, f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(60)
    process.stdout.close()


def test_two_answer_and_what_they_count_is_added_up(served: tuple[subprocess.Popen[str], str]) -> None:
    process, address = served
    assert len(children(process.pid)) == 2
    for _ in range(40):  # each with a connection of its own, so that both get some
        event = {"type": "like", "user_id": "ann", "item_id": "tea"}
        assert httpx.post(f"{address}/v1/events", json=event).status_code == 200
        assert httpx.post(f"{address}/v1/recommendations", json={"user_id": "bo"}).status_code == 200
    for _ in range(4):
        text = httpx.get(f"{address}/metrics").text
        assert 'serendip_events_total{outcome="accepted"} 40.0' in text
        assert 'serendip_recommendations_total{kind="recommendations"} 40.0' in text
        assert text.count("# TYPE serendip_events_total counter") == 1


def test_another_takes_the_place_of_one_that_died(served: tuple[subprocess.Popen[str], str]) -> None:
    process, address = served
    victim, other = children(process.pid)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(children(process.pid)) == 2 and victim not in children(process.pid))
    assert other in children(process.pid)
    until(lambda: httpx.get(f"{address}/healthz").status_code == 200)


def test_they_end_with_whoever_started_them(served: tuple[subprocess.Popen[str], str]) -> None:
    process, _ = served
    started = children(process.pid)
    process.kill()
    until(lambda: not any(map(is_running, started)))


def test_they_end_when_told(served: tuple[subprocess.Popen[str], str]) -> None:
    process, address = served
    started = children(process.pid)
    process.terminate()
    assert process.wait(60) == 0
    assert not any(map(is_running, started))
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{address}/healthz")


def test_one_that_cannot_start_is_said(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop").close()
    settings = tmp_path / "shop" / "settings.toml"
    spoil = f"import serendip.serving.processes as p; p._RUN = (*p._RUN[:2], 'import sys; sys.exit(3)')\n{SERVE}"
    line = [sys.executable, "-c", spoil, "serve", str(tmp_path / "shop"), "--port", "0", "--processes", "2"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "could not start" in done.stderr
    assert settings.is_file()


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d,e", "100000,100001,100002,0,/tmp"])
def test_what_nobody_handed_over_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--handed"):
        Handed(text)


# What is added up


def counted(events: int, seconds: float) -> Metrics:
    metrics = Metrics()
    metrics.events.labels("accepted").inc(events)
    metrics.observe_effect(seconds)
    metrics.gauge("model_age_seconds", "Time since the current model was made.", lambda: float(events))
    metrics.gauge("exposures_waiting", "Exposures not yet written.", lambda: float(events))
    return metrics


def test_sums_and_largest() -> None:
    text = merged([counted(3, 0.02).text(), counted(4, 3.0).text()]).decode()
    assert 'serendip_events_total{outcome="accepted"} 7.0' in text
    assert "serendip_event_effect_seconds_count 2.0" in text
    assert 'serendip_event_effect_seconds_bucket{le="0.025"} 1.0' in text
    assert 'serendip_event_effect_seconds_bucket{le="+Inf"} 2.0' in text
    assert "serendip_model_age_seconds 4.0" in text
    assert "serendip_exposures_waiting 7.0" in text


def test_one_alone_tells_what_it_told() -> None:
    own = counted(3, 0.02).text()

    def numbers(text: bytes) -> list[str]:
        lines = text.decode().splitlines()
        return sorted(line for line in lines if line.startswith("serendip") and "_created" not in line)

    assert numbers(merged([own])) == numbers(own)


def test_siblings_find_each_other_and_do_without_one_that_is_gone(tmp_path: Path) -> None:
    some = [Siblings(tmp_path, place, counted(place + 1, 0.1).text) for place in range(3)]
    for one in some:
        one.start()
    accepted = 'serendip_events_total{outcome="accepted"}'
    assert f"{accepted} 6.0" in some[1].text().decode()
    some[2].stop()
    assert f"{accepted} 3.0" in some[1].text().decode()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "9.sock"))  # of a process that was killed
    stale.close()
    assert f"{accepted} 3.0" in some[0].text().decode()
    for one in some[:2]:
        one.stop()
