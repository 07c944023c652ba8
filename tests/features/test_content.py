"""Items to vectors: which column is what, weights, words of every language, and whatever a table may hold."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies

from serendip.features import ItemContent, TextEncoder, chinese, text
from serendip.features.text import content


def table(**columns: Any) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    return pl.DataFrame({"item_id": [f"i{row}" for row in range(height)], **columns}, strict=False)


def likeness(items: pl.DataFrame, **options: Any) -> np.ndarray:
    vectors = ItemContent(**options).fit_encode(items)
    return np.asarray((vectors @ vectors.T).toarray())


def columns(items: pl.DataFrame) -> set[str]:
    return {column for column, _ in ItemContent().fit(items).names}


FILMS = table(
    title=["Alien", "Aliens", "Amélie", "Delicatessen", None],
    director=["Scott", "Cameron", "Jeunet", "Jeunet | Caro", "Cameron"],
    genres=[["Horror", "Sci-Fi"], ["Action", "Sci-Fi"], ["Comedy"], ["Comedy", "Horror"], []],
    year=[1979, 1986, 2001, 1991, None],
)


def by_hand(items: pl.DataFrame, share_of_text: float) -> np.ndarray:
    """The same vectors with a loop over everything, (N, D) in no particular order of columns."""
    n = items.height
    grams: list[list[tuple[str, float]]] = [list(content(title or "")) for title in items["title"]]
    people = [[name.strip().lower() for name in (value or "").split("|")] for value in items["director"]]
    genres = [[name.lower() for name in value] for value in items["genres"]]
    lists = [[(label, 1.0) for label in labels] for labels in people], [[(g, 1.0) for g in labels] for labels in genres]
    blocks = [_tf_idf(grams) * np.sqrt(share_of_text)]
    blocks += [_tf_idf(found) * np.sqrt((1 - share_of_text) / 3) for found in lists]
    years = items["year"].to_numpy().astype(float)
    knots = np.unique(np.quantile(years[~np.isnan(years)], np.linspace(0, 1, 11)))
    hats = np.array([[np.interp(y, knots, unit) if y == y else 0 for unit in np.eye(len(knots))] for y in years])
    blocks.append(_unit(hats) * np.sqrt((1 - share_of_text) / 3))
    assert all(len(block) == n for block in blocks)
    return _unit(np.concatenate(blocks, axis=1))


def _tf_idf(documents: list[list[tuple[str, float]]]) -> np.ndarray:
    terms = sorted({term for document in documents for term, _ in document})
    found = np.zeros((len(documents), len(terms)))
    for row, document in enumerate(documents):
        for term, weight in document:
            found[row, terms.index(term)] += weight
    return _unit(found * (np.log((1 + len(documents)) / (1 + (found > 0).sum(axis=0))) + 1))


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_vectors_are_those_made_by_hand(share: float) -> None:
    slow = by_hand(FILMS, share)
    np.testing.assert_allclose(likeness(FILMS, text=share), slow @ slow.T, atol=1e-6)


def test_bm25_is_that_made_by_hand() -> None:
    texts = ["red tea red", "tea", "green coffee and a very long tale of tea", ""]
    encoder = TextEncoder(lambda words: ((word, 1.0) for word in words.split()), "bm25")
    terms = sorted({word for words in texts for word in words.split()})
    counts = np.array([[words.split().count(term) for term in terms] for words in texts], float)
    df, length = (counts > 0).sum(axis=0), counts.sum(axis=1, keepdims=True)
    idf = np.log(1 + (4 - df + 0.5) / (df + 0.5))
    slow = _unit(idf * counts * 2.2 / (counts + 1.2 * (0.25 + 0.75 * length / length.mean())))
    fast = encoder.fit_encode(texts).toarray()[:, np.argsort(encoder.names)]
    np.testing.assert_allclose(fast, slow, atol=1e-6)


def test_columns_are_told_apart() -> None:
    items = table(
        title=["one", "two", "three", "four"],
        image=["a.png", "b.png", "a.png", "d.png"],
        shop_url=["x", "x", "y", "y"],
        isbn=[1, 2, 3, 4],
        link=["http://a.org/1", "http://a.org/2", "http://a.org/3", "http://a.org/4"],
        code=["x1", "x2", "x3", "x4"],
        currency=["EUR"] * 4,
        seller=["Ann", "Ann", "Bo", None],
        available=[True, False, True, True],
        blurb=["to be or not", "some other words", "a third one", "and one more"],
        price=[1.0, 2.0, None, 4.0],
        constant=[7, 7, 7, 7],
        nothing=[None] * 4,
        nested=[{"a": 1}] * 4,
    )
    assert columns(items) == {"title", "seller", "blurb", "price"}


def test_text_is_divided_where_its_parts_recur() -> None:
    items = table(
        genres=["Action, Drama", "Drama, Comedy", "Action, Comedy", "Drama"],
        name_of_maker=["Smith & Co", "Smith & Co", "Miller", "Miller"],
    )
    found = {column: set() for column in columns(items)}
    for column, name in ItemContent().fit(items).names:
        found[column].add(name)
    assert found == {"genres": {"action", "drama", "comedy"}, "name_of_maker": {"smith & co", "miller"}}


def test_a_note_in_brackets_is_no_part_of_a_name() -> None:
    items = table(writer=["Ann Lee (novel)", "ann  lee", "[英] Bo Ray", "Bo Ray"])
    assert set(ItemContent().fit(items).names) == {("writer", "ann lee"), ("writer", "bo ray")}


def test_sentences_are_no_labels_though_they_recur() -> None:
    names = ["blue shirt for men", "a blue shirt for men", "red shirt for tall men", "a blue shirt for men"]
    assert ("product", "shirt") in ItemContent().fit(table(product=names)).names


def test_near_numbers_are_alike_and_far_ones_are_not() -> None:
    alike = likeness(table(year=[*range(1900, 2000), None]))
    assert alike[90, 91] > 0.9
    assert alike[90, 85] > alike[90, 82] > alike[90, 60] == 0.0
    np.testing.assert_array_equal(alike[100], 0.0)


def test_numbers_beyond_those_known_are_the_outermost() -> None:
    encoder = ItemContent().fit(table(price=[1.0, 2.0, 3.0]))
    known, beyond = encoder.encode(table(price=[1.0, 3.0])), encoder.encode(table(price=[-5.0, 1e30]))
    np.testing.assert_array_equal(known.toarray(), beyond.toarray())
    strange = encoder.encode(table(price=[float("nan"), float("inf"), None]))
    np.testing.assert_array_equal(strange.toarray(), 0.0)


def test_items_that_join_later_are_read_the_same_way() -> None:
    encoder = ItemContent()
    at_fit = encoder.fit_encode(FILMS)
    np.testing.assert_allclose(encoder.encode(FILMS).toarray(), at_fit.toarray(), atol=1e-6)
    stranger = table(title=["Alien"], unknown=["x"], year=["1979"])
    alike = (encoder.encode(stranger) @ at_fit.T).toarray()[0]
    assert np.argmax(alike) == 0


def test_what_was_learned_can_be_kept_as_arrays() -> None:
    encoder = ItemContent("bm25", 0.3).fit(FILMS)
    opened = ItemContent("bm25", 0.3).restore(encoder.arrays())
    assert opened.names == encoder.names
    np.testing.assert_array_equal(opened.encode(FILMS).toarray(), encoder.encode(FILMS).toarray())
    empty = ItemContent().restore(ItemContent().fit(table(title=[""])).arrays())
    assert empty.encode(FILMS).nnz == 0


def test_empty_tables_have_empty_vectors() -> None:
    assert ItemContent().fit_encode(pl.DataFrame({"item_id": []}, schema={"item_id": pl.String})).shape == (0, 0)
    assert ItemContent().fit_encode(table(title=[None, None])).shape == (2, 0)
    assert ItemContent().fit_encode(FILMS[:0]).shape == (0, 0)
    assert ItemContent().fit(FILMS).encode(FILMS[:0]).shape[0] == 0


def test_rows_have_length_one_or_zero_and_are_the_same_each_time() -> None:
    vectors = ItemContent().fit_encode(FILMS)
    lengths = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
    again = ItemContent().fit_encode(FILMS)
    np.testing.assert_array_equal(vectors.toarray(), again.toarray())


CELLS = strategies.none() | strategies.text(max_size=30)


@given(strategies.lists(strategies.tuples(CELLS, CELLS, CELLS), max_size=8))
def test_no_text_upsets_it(rows: list[tuple[str | None, str | None, str | None]]) -> None:
    cells = [[row[place] for row in rows] for place in range(3)]
    series = [pl.Series(name, of, dtype=pl.String) for name, of in zip(("title", "maker", "tags"), cells, strict=True)]
    ids = pl.Series("item_id", [f"i{row}" for row in range(len(rows))], dtype=pl.String)
    lists = series[2].str.split(" ")
    items = pl.DataFrame([ids, *series[:2], lists])
    encoder = ItemContent()
    vectors = encoder.fit_encode(items)
    assert np.isfinite(vectors.data).all()
    opened = ItemContent().restore(encoder.arrays())
    np.testing.assert_array_equal(opened.encode(items).toarray(), vectors.toarray())


@pytest.mark.parametrize(
    "hostile", ["a" * 1_000_000, "茶" * 200_000, "\u0000|\n\n||", "((((" * 10_000, "[" * 50_000 + "x", "🦄" * 1_000]
)
def test_long_and_hostile_texts_are_read_in_bounded_time(hostile: str) -> None:
    items = table(title=[hostile, "tea"], maker=[hostile, hostile], tags=[[hostile], ["x", None]])
    assert len(ItemContent().fit(items).names) < 50_000


def test_a_column_with_a_value_of_its_own_for_each_item_is_left_out() -> None:
    assert columns(table(title=["a", "b"] * 2_500, serial=[f"{row:09x}" for row in range(5_000)])) == {"title"}


def test_the_terms_of_most_texts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TextEncoder(max_terms=2).fit(["ab cd", "ab cd", "ab", "ef"])
    assert encoder.names == ["ab", "cd"]
    monkeypatch.setattr(text, "MOST_TERMS", 3)
    assert TextEncoder().fit(["ab cd ab", "ef gh ab"]).names == ["ab", "cd", "ef"]


def test_chinese_is_segmented() -> None:
    pytest.importorskip("jieba")
    assert ("出版社", 0.5) in content("上海人民出版社")
    assert chinese.segmented("ひらがな") == []
    counts = text.TextEncoder(content)._counted(["上海人民出版社"], columns := {}, grow=True).toarray()[0]
    assert counts[columns["人民"]] > counts[columns["民出"]] > 0  # a word counts more than a pair that happened


def test_without_jieba_characters_and_their_pairs_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    chinese._segmenter.cache_clear()
    try:
        assert list(content("茶壶")) == list(text.terms("茶壶"))
    finally:
        monkeypatch.undo()
        chinese._segmenter.cache_clear()


READ = "from serendip.features.text import content; print(sorted(content('红色陶瓷茶壶与上海人民出版社')))"


def test_two_processes_at_once_say_nothing_and_leave_nothing_behind(tmp_path: Any) -> None:
    pytest.importorskip("jieba")
    place = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "error", "-c", READ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, env=place, **pipes) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert said[0] == said[1]
    assert said[0][1] == ""
    assert "出版社" in said[0][0]
    assert list(tmp_path.iterdir()) == []


def test_jieba_is_not_loaded_for_other_languages() -> None:
    code = (
        "import sys; from serendip.features.text import content; list(content('teapot')); print('jieba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_words_are_read_in_the_column_that_knows_most_of_them() -> None:
    titles = ["The Lost Theatre", "Quiet Rooms", "Tea at Noon"]
    descriptions = ["a paperback about mystery", "a hardback about design", "a paperback about comedy"]
    items = pl.DataFrame({"item_id": ["a", "b", "c"], "title": titles, "description": descriptions})
    content = ItemContent().fit(items)
    told = content.as_told(["a hardback, please", "lost theatre", "nothing of it"])
    assert told["description"].to_list()[0] == "a hardback, please"
    assert told["title"].to_list()[1] == "lost theatre"
    near = (content.encode(told) @ content.encode(items).T).toarray()
    assert near[:2].argmax(axis=1).tolist() == [1, 0]
    assert ItemContent().fit(items.select("item_id")).as_told(["tea"]).columns == ["item_id"]
