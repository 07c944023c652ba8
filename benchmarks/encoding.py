"""How fast texts become vectors: `python -m benchmarks.encoding [--threads 2] [--texts 1000] [--rounds 3]`.

The plots and abstracts of ml-1m are read by MiniLM through sentence-transformers in float32, which is what most people
use, and by our encoder in each precision, in turns, so that a busy minute strikes all alike. Told are documents per
second of the best round and its ratio to sentence-transformers, milliseconds for one query alone, and how near the
vectors are: the mean cosine, and how many of the ten nearest are the same. Written to results/speed/encoding.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import cases
from serendip.data.arrays import FloatArray
from serendip.evaluation.resources import commit, machine, versions
from serendip.features import ItemContent
from serendip.features.encoders import text_encoder
from serendip.features.encoders.base import PRECISIONS
from serendip.features.encoders.places import of_minilm

FILE = Path(__file__).parent / "results" / "speed" / "encoding.json"
CASE = "ml-1m/cold-item-text"
QUERY = "a quiet film about two people who meet on a train"
QUERIES = 50
PEER = "sentence-transformers float32"
Encode = Callable[[Sequence[str]], FloatArray]


def texts(n: int) -> list[str]:
    items = cases.find(CASE).material().whole[0].items.attributes
    told = [text for text in ItemContent().fit(items).describe(items) if len(text) > 200]
    return [told[row] for row in np.random.default_rng(0).permutation(len(told))[:n]]


def engines() -> dict[str, Encode]:
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(of_minilm()), device="cpu")
    found: dict[str, Encode] = {PEER: lambda some: np.asarray(peer.encode(list(some), normalize_embeddings=True))}
    return found | {precision: text_encoder(f"minilm:{precision}").encode for precision in PRECISIONS}


def measure(n: int, rounds: int) -> list[dict[str, Any]]:
    told, all_engines = texts(n), engines()
    rates: dict[str, list[float]] = {name: [] for name in all_engines}
    vectors = {}
    for encode in all_engines.values():
        encode(told[:20])  # what is prepared once is not counted
    for _ in range(rounds):
        for name, encode in all_engines.items():
            started = time.perf_counter()
            vectors[name] = encode(told)
            rates[name].append(n / (time.perf_counter() - started))
    waits = {name: _alone(encode) for name, encode in all_engines.items()}
    return [
        {
            "engine": name,
            "documents_per_s": max(rates[name]),
            "ratio": statistics.median(own / peer for own, peer in zip(rates[name], rates[PEER], strict=True)),
            "one_query_ms": waits[name],
            "cosine": float((vectors[name] * vectors[PEER]).sum(axis=1).mean()),
            "same_of_ten": _same(vectors[name], vectors[PEER]),
        }
        for name in all_engines
    ]


def _alone(encode: Encode) -> float:
    """The median time of one query alone, ms."""
    spent = []
    for place in range(QUERIES):
        started = time.perf_counter()
        encode([f"{QUERY} {place}"])
        spent.append(1000 * (time.perf_counter() - started))
    return statistics.median(spent)


def _same(vectors: FloatArray, others: FloatArray) -> float:
    """The share of the ten nearest of each text, itself left out, that both find."""
    nearest = []
    for found in (vectors, others):
        near = found @ found.T
        np.fill_diagonal(near, -np.inf)
        nearest.append(np.argsort(-near, axis=1)[:, :10])
    return float(np.mean([len(set(one) & set(other)) / 10 for one, other in zip(*nearest, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    runs = measure(chosen.texts, chosen.rounds)
    sys.stdout.writelines(f"{run}\n" for run in runs)
    around = {"case": CASE, "texts": chosen.texts, "rounds": chosen.rounds, "threads": chosen.threads}
    around |= {"machine": machine(), "versions": versions(), "commit": commit()}
    around |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "runs": runs}
    FILE.write_text(json.dumps(around, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
