"""Events: how many are acknowledged per second, and how soon one of them is seen to count."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.service import asks
from benchmarks.service.figures import PERCENTILES, percentile
from benchmarks.service.load import Client, Outcome, Plan, at_once
from benchmarks.service.process import HOST, Server
from benchmarks.service.shop import Size, user_id
from benchmarks.service.sitting import PROCESSES, Sitting
from benchmarks.service.world import World
from serendip.errors import InputError
from serendip.store import Workspace

BATCH, BATCH_CLIENTS, MOST_BATCHES = 1_000, 4, 400
SINGLE_CLIENTS, MOST_SINGLES = 32, 60_000
GIVE_UP_S = 5.0
SYNCS = 200
BESIDE = 100.0
"""Requests per second that go on while effects are measured a second time."""


def events(sitting: Sitting) -> dict[str, Any]:
    """Closed loops into a store that holds millions already: batches, then single events."""
    shop, pace = sitting.world("hundred-thousand"), sitting.pace
    with sitting.served(shop, PROCESSES) as server:
        batches = _batches(shop.size, round(MOST_BATCHES * pace.closed_share))
        batched = _stored(server, batches, BATCH_CLIENTS, BATCH, pace.closed_s)
        sitting.say(f"batches of {BATCH:,}: {batched['events_per_s']:,.0f} events acknowledged per second")
        singles = _singles(shop.size, round(MOST_SINGLES * pace.closed_share))
        single = _stored(server, singles, SINGLE_CLIENTS, 1, pace.closed_s)
        sitting.say(f"single events: {single['events_per_s']:,.0f} per second at {SINGLE_CLIENTS} clients")
    acknowledged = batched["acknowledged"] + single["acknowledged"]
    with Workspace.open(sitting.root / "run") as workspace:
        found = workspace.store.counts()["events"] - shop.facts["events"]
    return {
        "world": shop.facts,
        "processes": PROCESSES,
        "batched": batched,
        "single": single,
        "found_in_store": found,
        "nothing_lost": found >= acknowledged,
        "sync_ms": round(sync_ms(sitting.root), 3),
    }


def _batches(size: Size, count: int) -> Plan:
    generator, run = np.random.default_rng(0), time.time_ns()
    requests = []
    for batch in range(count):
        users = [user_id(number) for number in generator.integers(0, size.people, BATCH).tolist()]
        rows = [asks.event(generator, size, user, f"b{run}-{batch}-{row}") for row, user in enumerate(users)]
        requests.append(asks.post("/v1/events", rows))
    return Plan(at_once(count), requests, [(f'"accepted":{BATCH},'.encode(),)] * count)


def _singles(size: Size, count: int) -> Plan:
    generator, run = np.random.default_rng(1), time.time_ns()
    users = [user_id(number) for number in generator.integers(0, size.people, count).tolist()]
    rows = [asks.event(generator, size, user, f"s{run}-{row}") for row, user in enumerate(users)]
    return Plan(at_once(count), [asks.post("/v1/events", row) for row in rows], [(b'"accepted":1,',)] * count)


def _stored(server: Server, plan: Plan, clients: int, each: int, seconds: float) -> dict[str, Any]:
    client, before_s = Client(server.port, most=clients), server.cpu_s()
    outcome = client.run(plan, limit_s=seconds, hopeless=None)
    cpu_s = server.cpu_s() - before_s
    client.close()
    server.settle()  # what was on its way is written now, though nobody has counted it
    took = np.sort((outcome.done_s - outcome.sent_s)[outcome.right] * 1_000)
    acknowledged = int(outcome.right.sum()) * each
    return {
        "clients": clients,
        "events_per_request": each,
        "acknowledged": acknowledged,
        "events_per_s": round(acknowledged / _until(outcome), 1),
        "not_right": int((outcome.answered & ~outcome.right).sum()),
        "faults": outcome.faults,
        **{f"request_{name}": round(percentile(took, share), 3) for name, share in PERCENTILES.items()},
        "server_cpu_us_per_event": round(cpu_s / max(1, acknowledged) * 1e6, 1),
    }


def _until(outcome: Outcome) -> float:
    """Seconds until the last answer."""
    return float(np.nanmax(outcome.done_s, initial=1e-9))


def sync_ms(folder: Path) -> float:
    """What the disk takes to write 4 KiB and synchronise: the median; no commit can be faster."""
    file = folder / "sync"
    took = []
    with file.open("wb", buffering=0) as opened:
        for _ in range(SYNCS):
            started_s = time.perf_counter()
            opened.write(b"x" * 4096)
            os.fdatasync(opened.fileno())
            took.append(time.perf_counter() - started_s)
    file.unlink()
    return float(np.median(took)) * 1_000


# From the event to its effect


def effect(sitting: Sitting) -> dict[str, Any]:
    """From sending an event to having the first answer that leaves its item out, asked for as fast as answers come."""
    shop, pace = sitting.world("hundred-thousand"), sitting.pace
    with sitting.served(shop, PROCESSES) as server:
        alone = _effects(server, shop, pace.probes, 0)
        sitting.say(f"event to effect: p50 {alone['p50_ms']} ms, p99 {alone['p99_ms']} ms")
        with _beside(server, shop, sitting.rate(BESIDE)):
            beside = _effects(server, shop, pace.probes, 1)
        sitting.say(f"beside {sitting.rate(BESIDE):g} requests/s: p50 {beside['p50_ms']} ms, p99 {beside['p99_ms']} ms")
    return {"world": shop.facts, "alone": alone, "beside": {"rate": sitting.rate(BESIDE)} | beside}


def _effects(server: Server, shop: World, count: int, seed: int) -> dict[str, Any]:
    generator, run = np.random.default_rng(100 + seed), time.time_ns()
    teller, asker = (http.client.HTTPConnection(HOST, server.port) for _ in range(2))
    took, asked = [], []
    for place, number in enumerate(generator.choice(shop.size.people, count, replace=False).tolist()):
        user = user_id(number)
        best = _listed(asker, user)[0]
        body = {"event_id": f"x{run}-{place}", "type": "like", "user_id": user, "item_id": best}
        started_s, polls = time.perf_counter(), 1
        teller.request("POST", "/v1/events", json.dumps(body), {"Content-Type": "application/json"})
        while best in _listed(asker, user):
            polls += 1
            if time.perf_counter() - started_s > GIVE_UP_S:
                break
        took.append((time.perf_counter() - started_s) * 1_000)
        asked.append(polls)
        teller.getresponse().read()
    teller.close()
    asker.close()
    ascending = np.sort(took)
    figures = {name: round(percentile(ascending, share), 3) for name, share in PERCENTILES.items()}
    missed = int((ascending > GIVE_UP_S * 1_000).sum())
    return {"events": count, "without_effect": missed, "mean_polls": round(float(np.mean(asked)), 2)} | figures


def _listed(connection: http.client.HTTPConnection, user: str) -> list[str]:
    body = json.dumps({"user_id": user, "limit": asks.LIMIT, "include": ["reasons"]})
    connection.request("POST", "/v1/recommendations", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    if answer.status != 200 or not content["items"]:
        raise InputError(f"the service lists nothing for {user} ({answer.status}): {json.dumps(content)[:300]}")
    return [item["item_id"] for item in content["items"]]


@contextmanager
def _beside(server: Server, shop: World, rate: float) -> Iterator[None]:
    """Other people go on asking meanwhile, from a process of its own."""
    process = get_context("spawn").Process(target=_go_on, args=(server.port, shop.size, rate), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _go_on(port: int, size: Size, rate: float) -> None:
    client = Client(port)
    for seed in range(1_000):
        client.run(asks.plan(asks.MIXES["varied"], size, rate, 10.0, 2_000 + seed))
