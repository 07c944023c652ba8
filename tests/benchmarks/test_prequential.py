"""What is foretold is foretold before it is learned, and the page says what the records say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.prequential import figures, report, streams
from benchmarks.prequential.streams import Stream
from benchmarks.prequential.walk import Pace, walk, ways_of
from serendip.data import Dataset, InputError, Tables, event_frame
from serendip.training import FitOptions

OPTIONS = FitOptions(threads=1)


def log(rows: list[tuple[str, str, str]]) -> Dataset:
    users, items, types = zip(*rows, strict=True)
    times = [1_700_000_000_000 + 1_000 * place for place in range(len(rows))]
    return Dataset.from_tables(
        Tables(event_frame({"user_id": users, "item_id": items, "type": types, "time_ms": times}))
    )


def turning() -> Stream:
    """Two crowds that change shelves half-way: who knows only what was then lists the wrong shelf."""
    generator = np.random.default_rng(0)
    rows = []
    for place in range(3_000):
        person = int(generator.integers(0, 60))
        shelf = (person + (place >= 1_500)) % 2
        rows.append((f"u{person}", f"{shelf}-{generator.integers(0, 60)}", "like"))
    return Stream.of("turning", log(rows), 0.5)


def test_only_first_preferences_after_the_start_are_foretold() -> None:
    rows = [("ann", "a", "like"), ("bo", "b", "view"), ("ann", "a", "like"), ("ann", "b", "skip")]
    rows += [("ann", "c", "like"), ("bo", "a", "like"), ("ann", "c", "like"), ("cy", "b", "like")]
    stream = Stream.of("small", log(rows), 0.25)
    assert stream.start == 2
    # Not: the second like of a, what says nothing, and the second like of c.
    assert stream.asked.tolist() == [4, 5, 7]
    assert stream.known_people.tolist() == [True, True, False]


@pytest.mark.parametrize("frozen", [True, False])
def test_a_history_ends_before_the_event(frozen: bool) -> None:
    stream = turning()
    events = stream.dataset.events
    found = stream.histories(stream.asked, frozen)
    for query, position in enumerate(stream.asked.tolist()):
        until = min(position, stream.start) if frozen else position
        own = np.flatnonzero(events.user_rows[:until] == events.user_rows[position])
        part = slice(*found.offsets[query : query + 2])
        np.testing.assert_array_equal(found.item_rows[part], events.item_rows[own])
        np.testing.assert_array_equal(found.times_ms[part], events.times_ms[own])


def test_where_tastes_turn_live_beats_stale_and_learning_beats_both() -> None:
    stream, pace = turning(), Pace(update=50, refit=50)
    walked = {way: walk(stream, "ease?l2=10", way, pace, OPTIONS) for way in ways_of("ease?l2=10")}
    hits = {way: float(one.hits.mean()) for way, one in walked.items()}
    assert hits["live"] > 1.2 * hits["stale"]
    # At the same pace, to learn is to be fitted anew.
    np.testing.assert_array_equal(walked["update"].places, walked["refit"].places)
    assert len(walked["update"].seconds) == 29
    found = figures.differences(stream, "ease", walked)
    live = next(row for row in found if (row["one"], row["other"]) == ("live", "stale"))
    assert live["hit@10"]["low"] > 0
    assert live["hit@10"]["mean"] == pytest.approx(hits["live"] - hits["stale"])


def test_what_came_later_changes_nothing_before() -> None:
    """The events after some moment put in another order: what is foretold up to it stays as it was."""
    stream = turning()
    order = np.arange(3_000)
    order[2_000:] = np.random.default_rng(1).permutation(order[2_000:])
    events, vocabulary = stream.dataset.events, stream.dataset.items.vocabulary.ids()
    rows = [(f"u{events.user_rows[it]}", vocabulary[events.item_rows[it]], "like") for it in order.tolist()]
    names = [(stream.dataset.users.vocabulary.ids()[int(user[1:])], item, kind) for user, item, kind in rows]
    other = Stream.of("other", log(names), 0.5)
    pace = Pace(update=100, refit=100)
    for way in ("live", "update"):
        one, two = (walk(each, "ease", way, pace, OPTIONS) for each in (stream, other))
        before = stream.asked < 2_000
        np.testing.assert_array_equal(stream.asked[before], other.asked[other.asked < 2_000])
        np.testing.assert_array_equal(one.places[before], two.places[: np.count_nonzero(before)])


def test_models_that_cannot_learn_go_three_ways() -> None:
    assert ways_of("item_knn") == ("stale", "live", "refit")
    assert ways_of("als") == ("stale", "live", "update", "refit")


def test_an_unknown_stream_is_refused() -> None:
    with pytest.raises(InputError, match="ml-100k"):
        streams.stream("nowhere")


def test_the_page_and_the_picture_are_those_of_the_records() -> None:
    for name, text in ((report.PAGE, report.page()), (report.PICTURE, report.picture())):
        written = (report.DOCS / name).read_text(encoding="utf-8")
        assert written == text, "run `python -m benchmarks report`"
