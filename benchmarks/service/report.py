"""Report: docs/service_speed.md from the records, and which of the figures to reach were reached."""

from __future__ import annotations

from pathlib import Path

from benchmarks.service import asks, record
from benchmarks.service.targets import TARGETS, Table

PAGE = record.REPOSITORY / "docs" / "service_speed.md"

INTRODUCTION = """# How fast the service is

<!-- Written by `python -m benchmarks service` from benchmarks/results/service; a test compares. -->

`serendip serve` as a user starts it, the client on the same machine; where it is about rates with `--processes 2`, one
for each core, at the start and for memory with one. Requests are independent (a Poisson process)
and sent when they are due, whatever the answers do; a latency counts from when its request was due, so that a server
that stalls is seen to stall. Percentiles are of all requests. Every answer must be a list that no fault made shorter
(`degraded` is empty); of every 97th the ranks are read and the contributions of reasons added up. Shops are generated:
things in groups with popularity after Zipf, with title, category, brand, maker, price and stock; people like some
groups. Ratios compare to the same service asked with a filter that nothing satisfies: it does all but look for items.

```bash
python -m benchmarks service --folder worlds          # all but the soak; worlds are made once and kept
python -m benchmarks service --folder worlds --only soak --soak 3600
```
"""


def page(folder: Path = record.FOLDER) -> str:
    """The page, from what is recorded; what is not is said to be missing."""
    tables = {
        name: record.read(folder, name) for name in (*dict.fromkeys(target.measure for target in TARGETS), "servers")
    }
    parts = [INTRODUCTION, _targets(tables)]
    if tables["latency"]:
        parts.append(_traffic(tables["latency"], "## 300 requests per second, 100,000 items and people"))
    if tables["rate"]:
        parts.append(_rates(tables["rate"]))
    if tables["million"]:
        parts.append(_traffic(tables["million"], "## 200 requests per second, 1,000,000 items"))
    if tables["servers"]:
        parts.append(_servers(tables["servers"]))
    parts.append(_where(tables))
    return "\n".join(parts)


def _targets(tables: dict[str, Table | None]) -> str:
    rows = []
    for target in TARGETS:
        table = tables[target.measure]
        found, reached = target.found(table) if table else ("not measured yet", False)
        rows.append([target.what, target.least, found, "yes" if reached else "no" if table else "-"])
    return markdown(["what", "at least", "measured", "reached"], rows)


def _traffic(table: Table, title: str) -> str:
    heads = ["traffic", "p50 ms", "p99 ms", "p99.9 ms", "server ms of processor", "client ms", "not right"]
    rows = [
        [
            asks.MIXES[name].says,
            f"{load['p50_ms']:.1f}",
            f"{load['p99_ms']:.1f}",
            f"{load['p999_ms']:.1f}",
            f"{load['server_cpu_us'] / 1e3:.2f}",
            f"{load['client_cpu_us'] / 1e3:.2f}",
            str(load["requests"] - load["right"]),
        ]
        for name, load in table["loads"].items()
    ]
    said = f"{title}\n\n{markdown(heads, rows)}"
    if ratio := table.get("plain_to_empty"):
        shown = ", ".join(f"{name} × {value:.2f}" for name, value in ratio.items())
        said += f"\nA full answer to an empty one: {shown}.\n"
    return said


def _rates(table: Table) -> str:
    parts = ["## Rates\n", "Sustained: everything answered as it should be, p99 below 250 ms, to the end.\n"]
    for name, steps in table["steps"].items():
        rows = [
            [
                f"{load['rate']:g}",
                f"{load['p50_ms']:.1f}",
                f"{load['p99_ms']:.1f}",
                f"{load['server_share']:.2f}",
                "yes" if load["sustained"] else "no",
            ]
            for load in sorted(steps, key=lambda load: load["rate"])
        ]
        parts.append(
            f"{asks.MIXES[name].says}:\n\n"
            + markdown(["requests/s", "p50 ms", "p99 ms", "processors busy", "sustained"], rows)
        )
    if table["plain_to_empty"]:
        parts.append(f"The highest rate of full answers is {table['plain_to_empty']:.0%} of that of empty ones.\n")
    return "\n".join(parts)


def _servers(table: Table) -> str:
    heads = [
        "server",
        "/healthz, µs of processor",
        "/healthz per second",
        f"a list at {table['rate']:g}/s, µs of processor",
        "p50 ms",
        "p99 ms",
    ]
    names = ("health_cpu_us", "health_requests_per_s", "list_cpu_us", "list_p50_ms", "list_p99_ms")
    rows = [
        [one["server"], *(f"{one[name]:,.{1 if name.endswith('ms') else 0}f}" for name in names)]
        for one in table["servers"]
    ]
    writers = ", ".join(
        f"{name} {took:.1f} µs" for name, took in sorted(table["json"]["microseconds"].items(), key=lambda it: it[1])
    )
    said = f"The same application, one process each, in turns; medians of {table['rounds']}."
    return (
        f"## Servers and JSON\n\n{said}\n\n{markdown(heads, rows)}\n"
        f"To write one answer of {table['json']['bytes']:,} bytes as JSON: {writers}.\n"
    )


def _where(tables: dict[str, Table | None]) -> str:
    lines = [_line(name, table) for name, table in tables.items() if table]
    return "\n".join(["## Where and when\n", *lines]) + "\n"


def _line(name: str, table: Table) -> str:
    load, commit = ", ".join(f"{one:g}" for one in table["load_before"]), (table["commit"] or "unknown")[:12]
    parts = [
        f"{table['date'][:10]}, commit `{commit}`, {table['machine']}",
        f"load of the machine before (1, 5, 15 minutes) {load}",
        f"recipe `{table['world']['recipe_name']}`",
    ]
    return f"- `{name}`: {'; '.join(parts)}."


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def write(folder: Path = record.FOLDER, file: Path = PAGE) -> Path:
    file.write_text(page(folder), encoding="utf-8")
    return file
