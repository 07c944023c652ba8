"""Which server answers fastest, and what writes JSON fastest: the same application and the same answers.

`python -m benchmarks service --only servers` starts the application under uvicorn (with asyncio's event loop, and with
uvloop) and under granian, one process each, in turns; what is not installed is left out and said to be. Each answers
`/healthz`, which is the cost of the server and the framework alone, and personal lists. Processor time per request is
what to compare: it hardly depends on what else the machine does. Then real answers are written as JSON by pydantic,
orjson, msgspec and the standard library.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.service import asks
from benchmarks.service.application import VARIABLE
from benchmarks.service.figures import Load, of_load
from benchmarks.service.load import Client, Plan, at_once
from benchmarks.service.process import HOST, Server, serving
from benchmarks.service.world import World

UVICORN = ("uvicorn", "--factory", "--host", HOST, "--port", "{port}", "--no-access-log", "--log-level", "warning")
GRANIAN = (
    "granian",
    "--interface",
    "asgi",
    "--factory",
    "--host",
    HOST,
    "--port",
    "{port}",
    "--no-ws",
    "--workers",
    "1",
)
TARGET = "benchmarks.service.application:create"
CLIENTS = 16
JSON_ROUNDS, JSON_TIMES = 7, 200


def commands() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Of each server the command, and the packages it needs."""
    return {
        "uvicorn, asyncio": ((*UVICORN, "--loop", "asyncio", "--http", "httptools", TARGET), ("uvicorn",)),
        "uvicorn, uvloop": ((*UVICORN, "--loop", "uvloop", "--http", "httptools", TARGET), ("uvicorn", "uvloop")),
        "granian, asyncio": ((*GRANIAN, "--loop", "asyncio", TARGET), ("granian",)),
        "granian, uvloop": ((*GRANIAN, "--loop", "uvloop", TARGET), ("granian", "uvloop")),
    }


def measure(
    world: World, scratch: Path, rate: float, seconds: float, rounds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Both comparisons."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in commands()}
    bodies: list[bytes] = []
    for turn in range(rounds):
        for name, (command, needs) in commands().items():
            if missing := [package for package in needs if importlib.util.find_spec(package) is None]:
                if not turn:
                    say(f"{name} is left out: {missing[0]} is not installed")
                continue
            folder = world.copy(scratch)
            more = {VARIABLE: str(folder), "OPENBLAS_NUM_THREADS": "1"}
            with serving(folder, (sys.executable, "-m", *command), more=more) as server:
                found[name].append(_one(server, world, rate, seconds, turn, bodies))
            say(f"{name}: {found[name][-1]['words']}")
    table = [{"server": name} | _middle(rows) for name, rows in found.items() if rows]
    return {
        "world": world.facts,
        "rate": rate,
        "seconds": seconds,
        "rounds": rounds,
        "servers": table,
        "json": _writers(bodies),
    }


def _one(server: Server, world: World, rate: float, seconds: float, turn: int, bodies: list[bytes]) -> dict[str, Any]:
    client = Client(server.port)
    health = _health(server, client, seconds)
    warm = asks.plan(asks.MIXES["plain"], world.size, rate, 2.0, 1_000 + turn)
    client.run(warm)
    before_s = server.cpu_s()
    outcome = client.run(asks.plan(asks.MIXES["plain"], world.size, rate, seconds, turn))
    lists = of_load(outcome, rate, server.cpu_s() - before_s)
    client.close()
    bodies += outcome.bodies[: 20 - len(bodies)]
    return {
        "health_requests_per_s": health["requests_per_s"],
        "health_cpu_us": health["cpu_us"],
        "list_cpu_us": lists.server_cpu_us,
        "list_p50_ms": lists.p50_ms,
        "list_p99_ms": lists.p99_ms,
        "words": f"/healthz {health['cpu_us']:.0f} µs, {_words(lists)}",
    }


def _words(load: Load) -> str:
    return f"a list {load.server_cpu_us:.0f} µs of processor, p50 {load.p50_ms:.1f} ms, p99 {load.p99_ms:.1f} ms"


def _health(server: Server, client: Client, seconds: float) -> dict[str, float]:
    """Closed loop: `CLIENTS` at once, each asks again when it has its answer."""
    client = Client(server.port, most=CLIENTS)
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    count = int(20_000 * seconds)
    before_s = server.cpu_s()
    outcome = client.run(Plan(at_once(count), [request] * count, [(b'"ok"',)] * count), limit_s=seconds, hopeless=None)
    answered = int(outcome.answered.sum())
    client.close()
    return {"requests_per_s": answered / outcome.wall_s, "cpu_us": (server.cpu_s() - before_s) / answered * 1e6}


def _middle(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: statistics.median(row[name] for row in rows) for name in rows[0] if name != "words"}


def _writers(bodies: Sequence[bytes]) -> dict[str, Any]:
    """Microseconds to write one answer, the median of rounds in turns."""
    answers = [json.loads(body) for body in bodies]
    writers = _known_writers()
    took: dict[str, list[float]] = {name: [] for name in writers}
    for _ in range(JSON_ROUNDS):
        for name, write in writers.items():
            started_s = time.process_time()
            for _ in range(JSON_TIMES):
                for answer in answers:
                    write(answer)
            took[name].append((time.process_time() - started_s) / (JSON_TIMES * len(answers)) * 1e6)
    return {
        "bytes": round(statistics.mean(map(len, bodies))),
        "microseconds": {name: statistics.median(values) for name, values in took.items()},
    }


def _known_writers() -> dict[str, Callable[[Any], bytes]]:
    from pydantic_core import to_json

    def standard(answer: Any) -> bytes:
        return json.dumps(answer, separators=(",", ":")).encode()

    writers: dict[str, Callable[[Any], bytes]] = {"pydantic": to_json, "json": standard}
    if importlib.util.find_spec("orjson"):
        writers["orjson"] = importlib.import_module("orjson").dumps
    if importlib.util.find_spec("msgspec"):
        writers["msgspec"] = importlib.import_module("msgspec").json.Encoder().encode
    return writers
