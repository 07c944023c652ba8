"""Content in Chinese: what belongs together is near."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from benchmarks import chinese
from serendip.features import text


def test_others_of_the_same_maker_are_counted() -> None:
    items = pl.DataFrame({"item_id": list("abcde"), "title": ["茶壶", "茶壶", "山水", "海洋", "茶"]})
    makers = pl.Series(["li", "li", "wang", "wang", None])
    assert chinese.found(items, makers).tolist() == [1, 1, 0, 0]
    with chinese.unsegmented():
        assert list(text.content("茶壶")) == list(text.terms("茶壶"))


@pytest.mark.data
def test_books_of_the_same_author_are_near_by_their_titles(data_root: Path) -> None:
    pytest.importorskip("jieba")
    if not (data_root / "douban-books-zh").is_dir():
        pytest.skip("left out: douban-books-zh is not here")
    figures = chinese.compared(*chinese.books(data_root))
    assert figures["words"] > 0.1  # of 6,584 books the ten nearest: by chance about 0.002
    assert figures["words"] > 0.9 * figures["pairs"]
