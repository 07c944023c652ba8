"""What people said: which words count, how much, and that a part of a log knows nothing of what was said later."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from serendip.data import Dataset, HistoryEvent, Past, Query, Tables, Vocabulary, event_frame
from serendip.data.cleaning import clean
from serendip.data.words import LATEST_SAID, Words
from serendip.pipeline.history import History

SAID = {"ann": [(5, "a warm coat"), (25, "gloves")], "bo": [(15, "tea")]}


def log(*rows: tuple[str, str, str, float | None, int, str | None]) -> Dataset:
    """A data set of (person, item, type, value, time, text)."""
    columns = ("user_id", "item_id", "type", "value", "time_ms", "text")
    return Dataset.from_tables(Tables(event_frame(pl.DataFrame(rows, dict.fromkeys(columns), orient="row"))))


def like(user_id: str, item_id: str, time_ms: int) -> tuple[str, str, str, None, int, None]:
    return user_id, item_id, "like", None, time_ms, None


def search(user_id: str, text: str, time_ms: int) -> tuple[str, str, str, None, int, str]:
    return user_id, "", "search", None, time_ms, text


def told(dataset: Dataset, memory: float | None = None) -> list[tuple[str, float]]:
    words, counts = dataset.histories().spoken(memory)
    return [(text, round(count, 3)) for text, count in zip(words.texts, counts.tolist(), strict=True)]


def test_a_search_is_no_item_and_no_event_on_one() -> None:
    data = log(like("ann", "tea", 1), search("ann", "a warm coat", 2), search("bo", "gloves", 3))
    assert data.items.vocabulary.ids() == ("tea",)
    assert data.users.vocabulary.ids() == ("ann", "bo")
    assert len(data.events) == 1
    assert told(data) == [("a warm coat", 1.0), ("gloves", 1.0)]


def test_words_fade_with_what_was_done_after_them() -> None:
    data = log(search("ann", "coat", 5), like("ann", "tea", 6), like("ann", "cup", 7), search("ann", "gloves", 8))
    assert told(data, 2.0) == [("coat", round(float(np.exp(-1)), 3)), ("gloves", 1.0)]


def test_a_review_counts_as_its_rating_does() -> None:
    rated = [("ann", item, "rating", value, 5, f"about {item}") for item, value in (("tea", 5.0), ("cup", 1.0))]
    assert told(log(*rated)) == [("about tea", 1.0)]
    assert told(log(*rated, ("ann", "tea", "hide", None, 6, None))) == []


def test_of_equal_words_the_last_count_and_of_many_the_latest() -> None:
    rows = [search("ann", f"word {place % 30}", place) for place in range(60)]
    assert [text for text, _ in told(log(*rows))] == [f"word {place}" for place in range(30 - LATEST_SAID, 30)]


def test_what_is_said_after_the_last_event_of_a_part_is_not_known_in_it() -> None:
    data = log(like("ann", "tea", 1), search("ann", "early", 2), like("ann", "cup", 3), search("ann", "late", 4))
    data = Dataset.from_tables(Tables(_frame(data, like("ann", "pot", 5))))
    first = data.with_events(data.events.times_ms <= 3)
    assert told(first) == [("early", 1.0)]
    assert told(data) == [("early", 1.0), ("late", 1.0)]
    assert [event.text for event in first.history("ann").said] == ["early"]


def _frame(data: Dataset, row: tuple[object, ...]) -> pl.DataFrame:
    """The log of ann once more, with a row behind it."""
    rows = [like("ann", "tea", 1), search("ann", "early", 2), like("ann", "cup", 3), search("ann", "late", 4), row]
    columns = ("user_id", "item_id", "type", "value", "time_ms", "text")
    return event_frame(pl.DataFrame(rows, dict.fromkeys(columns), orient="row"))


def test_parts_of_a_batch_keep_their_words() -> None:
    rows = [like(user, "tea", 1) for user in SAID] + [search(u, t, at) for u, own in SAID.items() for at, t in own]
    batch = log(*rows).histories()
    for part, whose in ((batch[1:2], ["bo"]), (batch.of_queries(np.array([1, 0])), ["bo", "ann"])):
        words, _ = part.spoken(None)
        expected = [(place, text) for place, user in enumerate(whose) for _, text in SAID[user]]
        assert list(zip(words.owners.tolist(), words.texts, strict=True)) == expected
    other = batch.renumbered(np.array([7]))
    assert other.item_rows.tolist() == [7, 7]
    assert other.said is not None
    assert other.said.item_rows.tolist() == [-1, -1, -1]


def test_owners_in_any_order_are_put_in_order_and_times_are_left() -> None:
    words = Words.of([1, 0, 1], [-1, -1, 2], [9, 5, 3], [1.0, 1.0, 1.0], ["c", "a", "b"])
    assert (words.owners.tolist(), words.texts.tolist()) == ([0, 1, 1], ["a", "c", "b"])


def test_a_history_that_is_handed_in_says_what_one_that_is_read_says() -> None:
    data = log(like("ann", "tea", 1), search("ann", "coat", 2), ("ann", "tea", "rating", 5.0, 3, "a good one"))
    handed = Query(
        history=[
            {"item_id": "tea", "timestamp": "1970-01-01T00:00:00.001Z"},
            {"type": "search", "text": "coat", "timestamp": "1970-01-01T00:00:00.002Z"},
            {
                "item_id": "tea",
                "type": "rating",
                "value": 5,
                "text": "a good one",
                "timestamp": "1970-01-01T00:00:00.003Z",
            },
        ]
    ).history
    assert handed is not None
    read = data.history("ann")
    one, other = (History.of(past, data.items.vocabulary, data.signals).queries for past in (read, handed))
    for queries in (one, other):
        words, counts = queries.spoken(None)
        assert (words.texts.tolist(), counts.tolist()) == (["coat", "a good one"], [1.0, 1.0])
        assert words.item_rows.tolist() == [-1, 0]
    assert one.item_rows.tolist() == other.item_rows.tolist() == [0, 0]


def test_what_is_taken_back_is_not_said() -> None:
    done = [("tea", "like", None, 1), ("tea", "undo", None, 3)]
    said = tuple(
        HistoryEvent(item_id="tea", type="rating", text=text, timestamp=at) for text, at in (("old", 2), ("new", 4))
    )
    said = tuple(one.model_copy(update={"timestamp": at}) for one, at in zip(said, (2, 4), strict=True))
    words, _ = History.of(Past(done, said=said), Vocabulary(["tea"]), log().signals).queries.spoken(None)
    assert words.texts.tolist() == ["new"]


def test_an_event_is_about_something() -> None:
    with pytest.raises(ValueError, match="give item_id, text or both"):
        HistoryEvent(type="search")


def test_cleaning_keeps_searches_and_takes_away_what_is_said_too_often() -> None:
    rows = [search("ann", "coat", place) for place in range(9)] + [search("ann", f"word {n}", 10 + n) for n in range(9)]
    columns = ("user_id", "item_id", "type", "value", "time_ms", "text")
    cleaned, _ = clean(Tables(event_frame(pl.DataFrame(rows, dict.fromkeys(columns), orient="row"))))
    assert cleaned.events.height == 5 + 9
