"""What indexes find, how long they take and how much they hold: on real factors, and on a million vectors.

`python -m benchmarks.speed_index quality` fits ALS on real data and asks each kind of index for the lists of people:
how much of NDCG and recall is lost against an exact search, by the index alone and, as a pipeline does it, where 100
candidates are scored by the vectors themselves; how many times fewer bytes its codes are than the vectors (with what
the codes mean: scales, or words and rotation), and the whole index. Intervals are 95 % of a paired bootstrap.

`python -m benchmarks.speed_index million` measures recall@10 and the time of one query on one thread over a million
vectors of 64 numbers: factors that ALS learns of generated preferences, unit vectors in 200 clusters, and plain
Gaussian noise, the worst case. Where faiss can be imported, its inverted lists take part in the same run.

One BLAS thread, one query at a time. Each part has its place in `results/speed/index.json`; `page` writes the tables of
docs/indexes.md from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks import cases
from serendip import models, retrieval
from serendip.algebra.alternating import improve
from serendip.data.arrays import FloatArray, IntArray
from serendip.evaluation.resources import commit, machine, versions
from serendip.metrics import ranking
from serendip.models import Embeds
from serendip.retrieval import Index, InvertedLists
from serendip.retrieval.codes import Bytes, Product
from serendip.training import FitOptions, one_blas_thread

FILE = Path(__file__).parent / "results" / "speed" / "index.json"
PAGE = Path(__file__).parents[1] / "docs" / "indexes.md"
MARKS = "<!-- tables: written by python -m benchmarks.speed_index page -->\n", "<!-- tables: end -->"
CASES = ("ml-1m/user-split", "gowalla/lightgcn-split")
SLACKS = (0.25, 0.5, 0.75, 1.0)
CANDIDATES, K, WIDTH = 100, 10, 64

Ask = Callable[[FloatArray], IntArray]
"""The rows (K,) for a query (1, D)."""


def held(index: Index) -> dict[str, int]:
    """Bytes of the codes, with what they mean, and of all that the index holds."""
    if not isinstance(index, InvertedLists):
        return {}
    codes = index.codes.nbytes + sum(array.nbytes for array in index.coder.arrays().values())
    lists = index.centres, index.radii, index.order, index.offsets
    return {"codes": codes, "index": codes + sum(array.nbytes for array in lists)}


def by_vectors(rows: IntArray, vectors: FloatArray, queries: FloatArray) -> IntArray:
    """`rows` (B, K), best first by the vectors themselves."""
    scores = np.where(rows >= 0, np.einsum("bkd,bd->bk", vectors[rows], queries), -np.inf)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1, kind="stable"), axis=1)


def quality(case: str) -> dict[str, Any]:
    fold = cases.find(case).material().folds[0]
    model = models.make("als", {"embedding_size": WIDTH}).fit(fold.learn, FitOptions(threads=1))
    assert isinstance(model, Embeds)
    relevant = fold.test.matrix()
    asked = np.flatnonzero(np.diff(relevant.indptr))
    relevant, seen = relevant[asked], fold.known.matrix()[asked]
    items, people = model.item_vectors(), model.query_vectors(fold.shown.histories())[asked]
    n_relevant = np.diff(relevant.indptr)

    def values(rows: IntArray) -> dict[str, FloatArray]:
        hits = ranking.hits_in(rows, relevant)
        return {"ndcg@10": ranking.ndcg(hits, n_relevant, 10), "recall@20": ranking.recall(hits, n_relevant, 20)}

    told: dict[str, Any] = {"items": len(items), "width": WIDTH, "people": len(people), "kinds": {}}
    exact = values(retrieval.build("exact", items).search(people, CANDIDATES, without=seen)[0])
    told["exact"] = {name: round(float(one.mean()), 5) for name, one in exact.items()}
    for kind in ("inverted", "int8", "pq"):
        index = retrieval.build(kind, items)  # type: ignore[arg-type]
        rows = index.search(people, CANDIDATES, without=seen)[0]
        alone, scored = values(rows), values(by_vectors(rows, items, people))
        told["kinds"][kind] = {
            **{f"{what}_smaller": round(items.nbytes / size, 2) for what, size in held(index).items()},
            "loss_percent_alone": {name: loss(exact[name], alone[name]) for name in exact},
            "loss_percent_scored": {name: loss(exact[name], scored[name]) for name in exact},
        }
    return told


def loss(exact: FloatArray, other: FloatArray) -> list[float]:
    """In percent of the exact mean: the loss, and its 95 % interval over people."""
    random = np.random.default_rng(0)
    lost = 100 * (exact - other) / exact.mean()
    means = [float(lost[random.integers(0, len(lost), len(lost))].mean()) for _ in range(1_000)]
    return [round(float(one), 3) for one in (lost.mean(), *np.percentile(means, [2.5, 97.5]))]


def factors(n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """What ALS learns, in three rounds, of 8 n preferences of n / 5 people over items of Zipf's popularity in 1,000
    groups; a person likes five groups, and four preferences of ten are for anything."""
    people, groups, events = n // 5, 1_000, 8 * n
    reached = np.cumsum(1 / np.arange(1, n + 1) ** 0.8)  # items of a group lie side by side, the wanted first
    item = np.searchsorted(reached / reached[-1], random.random(events))
    person = random.integers(0, people, events)
    liked = random.integers(0, groups, (people, 5))[person, random.integers(0, 5, events)]
    own = random.random(events) < 0.6
    item[own] = item[own] // groups * groups + liked[own]  # a thing as popular, of a group that is liked
    pairs = sp.csr_array((np.ones(events, np.float32), (person, np.minimum(item, n - 1))), shape=(people, n))
    pairs.data[:] = 5
    sides = pairs, sp.csr_array(pairs.T)
    vectors = [0.1 * random.random((side.shape[0], WIDTH), np.float32) for side in sides]
    for _ in range(3):
        for own_side, other in ((0, 1), (1, 0), (0, 1)):
            pull = np.full(sides[own_side].shape[0], 30.0)
            improve(vectors[own_side], sides[own_side], vectors[other], pull, 3, 1)
    return vectors[1], vectors[0]


def clusters(n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Unit vectors around 200 directions."""
    kinds = random.normal(size=(200, WIDTH)).astype(np.float32)
    drawn = kinds[random.integers(0, 200, n)] + 0.5 * random.standard_normal((n, WIDTH), np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn, drawn[:1_000] + 0.05 * random.standard_normal((1_000, WIDTH), np.float32)


def gaussian(n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Noise without any order."""
    return random.standard_normal((n, WIDTH), np.float32), random.standard_normal((1_000, WIDTH), np.float32)


def million(kind: str, n: int, asked: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    items, people = {"factors": factors, "clusters": clusters, "gaussian": gaussian}[kind](n, random)
    people = people[np.linalg.norm(people, axis=1) > 0]
    queries = people[random.choice(len(people), asked, replace=False)]
    truth, _ = retrieval.build("exact", items).search(queries, K)
    told: dict[str, Any] = {"items": n, "width": WIDTH, "queries": asked, "ways": {}}
    for name, ask, built in ways(items):
        ask(queries[:1])
        took, busy, found = [], [], 0
        for query, wanted in zip(queries[:, None], truth, strict=True):
            started_s, busy_s = time.perf_counter(), time.thread_time()
            rows = ask(query)
            busy.append(time.thread_time() - busy_s)
            took.append(time.perf_counter() - started_s)
            found += len(np.intersect1d(rows, wanted))
        told["ways"][name] = {
            "recall@10": round(found / truth.size, 4),
            "ms": round(1000 * float(np.median(took)), 3),
            "ms_90th_percentile": round(1000 * float(np.percentile(took, 90)), 3),
            "mean_ms_of_processor": round(1000 * float(np.mean(busy)), 3),
            **built,
        }
        sys.stderr.write(f"{kind} {name} {told['ways'][name]}\n")
    return told


def ways(items: FloatArray) -> Iterator[tuple[str, Ask, dict[str, Any]]]:
    """Names, how to ask, and what was built; one index at a time."""

    def ours(query: FloatArray, index: Index) -> IntArray:
        return index.search(query, K)[0][0]

    def scored(query: FloatArray, index: Index) -> IntArray:
        return by_vectors(index.search(query, CANDIDATES)[0], items, query)[0, :K]

    yield "exact", partial(ours, index=retrieval.build("exact", items)), {}
    started_s = time.process_time()
    whole = InvertedLists.build(items)
    lists_s = time.process_time() - started_s
    for kind, coder in (("inverted", None), ("int8", Bytes), ("pq", Product)):
        started_s = time.process_time()
        index = whole.shortened(coder) if coder else whole
        built_s = lists_s + time.process_time() - started_s
        built = {"built_s_of_processor": round(built_s, 1), "mb": round(held(index)["index"] / 1e6, 1)}
        for slack in SLACKS:
            looser = replace(index, slack=slack)
            yield f"{kind} slack={slack}", partial(ours, index=looser), built
            if kind != "inverted":
                yield f"{kind} slack={slack}, {CANDIDATES} scored", partial(scored, index=looser), built
    del index, looser, whole
    if find_spec("faiss") is not None:
        yield from of_faiss(items)


def of_faiss(items: FloatArray) -> Iterator[tuple[str, Ask, dict[str, Any]]]:
    import faiss

    faiss.omp_set_num_threads(1)
    started_s = time.process_time()
    index = faiss.index_factory(WIDTH, f"IVF{round(4 * np.sqrt(len(items)))},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(items[np.random.default_rng(0).choice(len(items), min(len(items), 200_000), replace=False)])
    index.add(items)
    built = {"built_s_of_processor": round(time.process_time() - started_s, 1)}
    for probes in (8, 32, 128, 512):
        index.nprobe = probes
        yield f"faiss IVF nprobe={probes}", lambda query: index.search(query, K)[1][0], built


def tables() -> str:
    """What is recorded, as Markdown."""
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    heads = (
        "factors of",
        "index",
        "codes, times smaller",
        "whole",
        "NDCG@10 lost",
        "Recall@20 lost",
        "NDCG@10 lost, scored",
    )
    lines = [_line(*heads), _line(*["---"] * len(heads))]
    for case, told in recorded["quality"].items():
        for kind, one in told["kinds"].items():
            sizes = f"{one['codes_smaller']:.1f}", f"{one['index_smaller']:.1f}"
            lost = *one["loss_percent_alone"].values(), one["loss_percent_scored"]["ndcg@10"]
            lines.append(_line(f"{case}, {told['items']:,}", f"`{kind}`", *sizes, *map(_range, lost)))
    heads = "a million vectors", "way", "recall@10", "ms", "ms of processor", "MB"
    lines += ["", _line(*heads), _line(*["---"] * len(heads))]
    for vectors, told in recorded["million"].items():
        for way, one in told["ways"].items():
            times = f"{one['ms']:.2f}", f"{one['mean_ms_of_processor']:.2f}"
            if "0.75" not in way:
                lines.append(_line(vectors, way, f"{one['recall@10']:.3f}", *times, f"{one.get('mb', '')}"))
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _range(loss_percent: list[float]) -> str:
    mean, low, high = (round(one, 2) + 0.0 for one in loss_percent)  # no -0
    return f"{mean:.2f} % [{low:.2f}, {high:.2f}]"


def page() -> str:
    """docs/indexes.md with the tables as they are recorded."""
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    return before + MARKS[0] + "\n" + tables() + "\n" + MARKS[1] + rest.split(MARKS[1])[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("quality", "million", "page"))
    parser.add_argument("--of", nargs="+", default=None, help="cases, or kinds of vectors; all of them")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    asked = parser.parse_args()
    if asked.part == "page":
        PAGE.write_text(page(), encoding="utf-8")
        return
    about = {"commit": commit(), "date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    for one in asked.of or (CASES if asked.part == "quality" else ("factors", "clusters", "gaussian")):
        with one_blas_thread():
            told = quality(one) if asked.part == "quality" else million(one, asked.items, asked.queries)
        known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
        known.setdefault(asked.part, {})[one] = {**about, "versions": versions(), **told}
        FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
