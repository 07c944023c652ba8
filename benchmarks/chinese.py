"""Chinese: does segmenting texts into words find what belongs together better than characters and their pairs?

`python -m benchmarks.chinese` asks, for each book of an author with several, whether the others are near by title,
subtitle and description alone, and for each film the same about films by the same director; both with `jieba` and
without. Reads douban-books-zh and douban-movies-zh-mini, see `docs/benchmarks.md`.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl

from benchmarks.cases import data_root
from serendip.data.arrays import FloatArray, IntArray
from serendip.features import ItemContent, text

NEAREST = 10


def books(root: Path) -> tuple[pl.DataFrame, pl.Series]:
    """Texts of the books, and who wrote each."""
    folder = root / "douban-books-zh"
    table = pl.read_csv(gzip.decompress((folder / "books.csv.gz").read_bytes()), infer_schema=False)
    told = json.loads(gzip.decompress((folder / "descriptions.json.gz").read_bytes()))
    texts = pl.Series("description", [told.get(id_) for id_ in table["ID"]], dtype=pl.String)
    return table.select(pl.col("ID").alias("item_id"), title="Title", subtitle="subtitle").with_columns(texts), table[
        "author"
    ]


def films(root: Path) -> tuple[pl.DataFrame, pl.Series]:
    """Texts of the films, and who directed each."""
    path = root / "douban-movies-zh-mini" / "movies.csv.gz"
    table = pl.read_csv(gzip.decompress(path.read_bytes()), infer_schema=False)
    return table.select(pl.col("movie_idx").alias("item_id"), "title", "summary"), table["directors"]


def found(items: pl.DataFrame, makers: pl.Series) -> FloatArray:
    """For each item whose maker has others: the share of those that is among the nearest, at most 1 (asked,)."""
    codes = makers.fill_null("").rank("dense").to_numpy().astype(np.int64)
    codes[(makers.fill_null("") == "").to_numpy()] = 0
    others = np.bincount(codes)[codes] - 1
    asked = np.flatnonzero((codes > 0) & (others > 0))
    vectors = ItemContent().fit_encode(items)
    hits = [
        _hits(np.asarray((vectors[rows] @ vectors.T).toarray()), rows, codes)
        for rows in np.array_split(asked, 1 + len(asked) // 1_000)
    ]
    return np.asarray(np.concatenate(hits) / np.minimum(others[asked], NEAREST))


def _hits(alike: FloatArray, rows: IntArray, codes: IntArray) -> IntArray:
    """How many of the nearest of each of `rows` have its code; what shares nothing is not near."""
    alike[np.arange(len(rows)), rows] = 0.0
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, :NEAREST]
    same = (codes[nearest] == codes[rows][:, None]) & (np.take_along_axis(alike, nearest, axis=1) > 0)
    return same.sum(axis=1)


@contextmanager
def unsegmented() -> Iterator[None]:
    """As if no segmenter were installed."""
    with patch.object(text, "segmented", lambda run: []):
        yield


def compared(items: pl.DataFrame, makers: pl.Series) -> dict[str, float]:
    """Mean share found with words, and by characters and pairs alone."""
    with unsegmented():
        pairs = found(items, makers)
    return {"words": float(found(items, makers).mean()), "pairs": float(pairs.mean())}


def main() -> None:
    for name, read in (("books of the same author", books), ("films of the same director", films)):
        figures = ", ".join(f"{way} {share:.4f}" for way, share in compared(*read(data_root())).items())
        sys.stdout.write(f"{name} among the {NEAREST} nearest: {figures}\n")


if __name__ == "__main__":
    main()
