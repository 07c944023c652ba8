"""Rankers: columns and their vectors, what is taught, and what is computed for an answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.data.arrays import IntArray
from serendip.training import FitOptions, rankers
from serendip.training.pairs import LENGTHS, PERIODS, Known
from serendip.training.rankers import Columns, Head, People, Ranker, RankerConfig, RankingLesson, Taught
from serendip.training.sequences import Sequences
from serendip.training.session import torch_session
from tests.training.tastes import N_ITEMS, N_PEOPLE, of_own_kind, tastes

OPTIONS = FitOptions(seed=5, threads=1)
NAMES = ("deepfm", "dcn", "din")
NONE = Sequences(np.zeros(N_PEOPLE + 1, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


class Sums(Head):
    """A head that can be computed by hand: what all vectors add up to, times what those of the item do."""

    def __init__(self, apart: bool = True) -> None:
        super().__init__()
        self.width, self.apart, self.numbers, self.asked = 3, apart, 3, 0
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, people: People, items: Tensor) -> Tensor:
        self.asked += items.shape[1] * len(people.context)
        return self.scale * (people.fields.sum((1, 2))[:, None] * items.sum((2, 3)))


def place_of(data: Dataset) -> IntArray:
    wanted = np.unique(data.matrix().indices)
    place = np.full(data.n_items, -1)
    place[wanted] = np.arange(len(wanted))
    return place


def lesson(data: Dataset, config: RankerConfig, head: Head) -> RankingLesson:
    place = place_of(data)
    with torch_session(OPTIONS):
        net = Ranker(Columns.of(data, place), head)
    return RankingLesson.of(net, Sequences.of(data.histories(), place), NONE, config, OPTIONS)


def films() -> Dataset:
    items = {
        "item_id": ["a", "b", "c", "d"],
        "kinds": [["war"], ["war", "love"], [], ["love"]],
        "year": [1, 2, None, 4],
    }
    events = event_frame({"user_id": ["u", "u", "v"], "item_id": ["b", "c", "a"], "type": ["like"] * 3})
    return Dataset.from_tables(Tables(events, pl.DataFrame(items)))


def test_columns_are_the_item_itself_and_its_labels_field_by_field() -> None:
    data = films()
    columns = Columns.of(data, place_of(data))
    assert columns.counts.tolist() == [[1, 1, 1], [1, 2, 1], [1, 0, 0]]  # of a, b and c; nobody wants d
    assert columns.columns[:3].tolist()[0] == 0
    shares = np.split(columns.shares, np.cumsum(columns.counts.ravel())[:-1])
    assert [round(float(np.square(part).sum()), 5) for part in shares if len(part)] == [1.0] * 7
    assert len(set(columns.columns)) == 3 + 2 + 2


@pytest.mark.parametrize("apart", [True, False])
def test_the_vectors_of_fields_are_sums_of_those_of_their_columns(apart: bool) -> None:
    data = films()
    columns = Columns.of(data, place_of(data))
    net = Ranker(columns, Sums(apart))
    starts = np.concatenate([[0], np.cumsum(columns.counts.ravel())])
    for shift, found in ((0, net.items), (apart * columns.n_columns, net.told)):
        expected = torch.zeros(3, 3, 3)
        for bag in range(9):
            for cell in range(starts[bag], starts[bag + 1]):
                row = net.table[shift + columns.columns[cell]]
                expected[bag // 3, bag % 3] += columns.shares[cell] * row
        torch.testing.assert_close(found(torch.tensor([2, 0, 1, 2])), expected[[2, 0, 1, 2]])
    assert len(net.table) == (1 + apart) * columns.n_columns + LENGTHS + PERIODS


def test_a_person_is_the_history_divided_by_the_root_of_its_length_and_the_context() -> None:
    net = Ranker(Columns.of(films(), place_of(films())), Sums())
    told = torch.randn(3, 2, 3)
    known = Known(
        Sequences(np.array([0, 2, 3]), np.array([2, 0, 1]), np.zeros(3, np.int64)), np.array([[1, 34], [0, 32]])
    )
    people = net.people(told, known.sequences.places, known)
    torch.testing.assert_close(people.pooled, torch.stack([(told[2] + told[0]) / 2**0.5, told[1]]))
    first = len(net.table) - LENGTHS - PERIODS
    torch.testing.assert_close(people.fields[0, 2:], net.table[[first + 1, first + 34]])
    history, real = people.padded()
    assert real.tolist() == [[True, True], [True, False]]
    torch.testing.assert_close(history[0], told[[2, 0]].flatten(1))
    torch.testing.assert_close(history[1, 0], told[1].flatten())


def test_the_loss_is_that_of_the_formula() -> None:
    config = RankerConfig(l2=0.5, negatives=3, patience=0)
    taught = lesson(tastes(), config, Sums())
    events = np.array([3, 9, 100])
    drawn, wanted = taught.pairs.others(events, 3, 0.0, 0.0, np.random.default_rng(1))
    drawn_again = np.random.default_rng(1)
    known = taught.pairs.known(events, config.max_history)
    everything = torch.arange(taught.net.n_items)
    items, told = taught.net.items(everything), taught.net.told(everything)
    total = torch.zeros(())
    for row, event in enumerate(events):
        history = torch.from_numpy(known.sequences[np.array([row])].places)
        person = torch.cat(
            [
                told[history].sum(0) / len(history) ** 0.5,
                taught.net.people(told, known.sequences.places, known).context[row],
            ]
        )
        own = torch.cat([items[taught.pairs.sequences.places[event]][None], items[torch.from_numpy(drawn[row])]])
        odds = person.sum() * own.sum((1, 2))
        labels = torch.tensor([1.0, 0.0, 0.0, 0.0])
        counts = torch.tensor([True, *~wanted[row]])
        total = total + nn.functional.binary_cross_entropy_with_logits(odds[counts], labels[counts], reduction="sum")
        total = total + 0.25 * (person.square().sum() + own.square().sum())
    torch.testing.assert_close(taught.loss((events, drawn_again)), total / 3)


def test_small_data_are_cut_into_enough_steps() -> None:
    taught = lesson(tastes(), RankerConfig(patience=0), Sums())
    batches = list(taught.batches(np.random.default_rng(0)))
    assert rankers.FEWEST_STEPS <= len(batches) <= rankers.FEWEST_STEPS + 1
    large = lesson(tastes(), RankerConfig(patience=0, batch_size=20, negatives=4), Sums())
    assert {len(events) for events, _ in large.batches(np.random.default_rng(0))} == {4}


def test_blocks_of_any_size_answer_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.make("deepfm", {"epochs": 1}).fit(tastes(), OPTIONS)
    queries = tastes().histories()
    rows = np.random.default_rng(0).integers(0, N_ITEMS, (N_PEOPLE, 7))
    whole, some = model.score(queries), model.score(queries, rows)
    for at_once in (64 * 30, 64 * 200, 1):
        monkeypatch.setattr(rankers, "AT_ONCE", at_once)
        np.testing.assert_allclose(model.score(queries), whole, atol=1e-5)
        np.testing.assert_allclose(model.score(queries, rows), some, atol=1e-5)


def test_asked_for_some_candidates_it_computes_no_others() -> None:
    head, data = Sums(), tastes()
    config = RankerConfig(epochs=1, patience=0)
    taught = Taught.by(lambda fields: head, data, config, OPTIONS, "sums")
    head.asked = 0
    taught.score(data.histories(), np.zeros((N_PEOPLE, 7), np.int64))
    assert head.asked == N_PEOPLE * 7
    taught.score(data.histories())
    assert head.asked == N_PEOPLE * (7 + len(np.unique(data.matrix().indices)))


def test_scores_are_above_0_in_the_order_of_the_odds() -> None:
    data = tastes()
    taught = Taught.by(lambda fields: Sums(), data, RankerConfig(epochs=1, patience=0), OPTIONS, "sums")
    scores, met = taught.score(data.histories()), taught.place >= 0
    assert (scores[:, met] > 0).all()
    assert (scores[:, ~met] == 0).all()
    assert np.count_nonzero(~met) >= 5
    known = Known.of(Sequences.of(data.histories(), taught.place), taught.borders, 200)
    everything = torch.arange(taught.net.n_items)
    people = taught.net.people(taught.net.told(everything), known.sequences.places, known)
    odds = taught.net.head(people, taught.net.items(everything)[None]).detach().numpy()
    np.testing.assert_allclose(scores[:, met], np.logaddexp(0, odds), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_columns_tell_what_few_events_do_not(name: str) -> None:
    """Each thing is wanted by about four people: its kind says far more than who they are."""
    with_kinds, without = of_own_kind(name, tastes(events=6)), of_own_kind(name, tastes(kinds=False, events=6))
    assert with_kinds > 0.97
    assert without < with_kinds - 0.05


def seasons() -> Dataset:
    """Everybody wants some of the same things; then all turn to others, whoever they are."""
    generator = np.random.default_rng(3)
    rows = []
    for person in range(120):
        late = person % 2
        for step, place in enumerate(generator.permutation(12)[:5]):
            rows.append((f"u{person:03}", f"i{12 * late + place:02}", 1_000_000 * late + 10 * step + 1))
    users, items, times = (list(column) for column in zip(*rows, strict=True))
    return Dataset.from_tables(
        Tables(event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(rows), "time_ms": times}))
    )


def test_when_the_newest_event_was_counts() -> None:
    """The same history, early or late, of things of both seasons: the score follows the season."""
    data = seasons()
    model = models.make("deepfm", {"epochs": 20, "patience": 0}).fit(data, OPTIONS)
    ids = data.items.vocabulary
    mixed = ids.rows(["i00", "i12"])
    early, late = ((mixed, np.array([time - 1, time]), np.ones(2)) for time in (20, 1_000_020))
    scores = model.score(Queries.of_histories([early, late]))
    first, second = (ids.rows([f"i{row}" for row in range(*span)]) for span in ((10, 12), (22, 24)))
    assert (scores[0][first] - scores[0][second]).mean() > (scores[1][first] - scores[1][second]).mean() + 0.1


def with_skips() -> Dataset:
    """Of those who could want the thing `i00`, all who do not have met it and passed it by."""
    data = tastes()
    wanted = data.matrix()[:, data.items.vocabulary.rows(["i00"])].toarray()[:, 0] > 0
    people = [
        user for user, wants in zip(data.users.vocabulary.ids(np.arange(N_PEOPLE)), wanted, strict=True) if not wants
    ]
    events = data.events
    columns = {
        "user_id": [*data.users.vocabulary.ids(events.user_rows), *people],
        "item_id": [*data.items.vocabulary.ids(events.item_rows), *["i00"] * len(people)],
        "type": ["like"] * len(events) + ["skip"] * len(people),
        "time_ms": [*events.times_ms.tolist(), *[1] * len(people)],
    }
    return Dataset.from_tables(Tables(event_frame(columns), data.items.attributes))


def test_what_is_known_not_to_be_wanted_is_put_below_what_is_not_known() -> None:
    data, lead = with_skips(), []
    ids = data.items.vocabulary
    others = ids.rows([f"i{row:02}" for row in range(3, 84, 3)])
    for declined in (0.0, 1.0):
        model = models.make("deepfm", {"declined": declined, "epochs": 8, "patience": 0}).fit(data, OPTIONS)
        scores = model.score(data.histories(data.users.vocabulary.rows([f"u{row:02}" for row in range(0, 60, 3)])))
        lead.append(float(scores[:, ids.rows(["i00"])].mean() - scores[:, others].mean()))
    assert lead[1] < lead[0] - 0.2


@pytest.mark.parametrize("name", NAMES)
def test_a_pull_makes_vectors_shorter(name: str) -> None:
    lengths = []
    for pull in (0.0, 0.3):
        model = models.make(name, {"l2": pull, "epochs": 5, "patience": 0}).fit(tastes(), OPTIONS)
        lengths.append(float(np.linalg.norm(model.weights()["net.table"])))
    assert lengths[1] < 0.9 * lengths[0]


@pytest.mark.parametrize("name", NAMES)
def test_cut_off_and_gone_on_from_a_checkpoint_it_is_the_same_model(name: str, tmp_path: Path) -> None:
    class Cut(BaseException):
        pass

    def cutting(label: str, done: int, total: int) -> None:
        if done == total // 2:
            raise Cut

    settings, data = {"epochs": 4, "patience": 0}, tastes()
    options = replace(OPTIONS, checkpoints=tmp_path)
    with pytest.raises(Cut):
        models.make(name, settings).fit(data, replace(options, progress=cutting))
    assert len(list(tmp_path.iterdir())) == 1
    one, other = models.make(name, settings).fit(data, options), models.make(name, settings).fit(data, OPTIONS)
    for key, array in one.weights().items():
        np.testing.assert_array_equal(other.weights()[key], array)


@pytest.mark.parametrize("name", NAMES)
def test_learning_lowers_the_loss(name: str) -> None:
    told: list[float] = []

    def listening(label: str, done: int, total: int) -> None:
        if "loss" in label:
            told.append(float(label.split("loss ")[1].split(",")[0]))

    models.make(name, {"epochs": 6, "patience": 0}).fit(tastes(), replace(OPTIONS, progress=listening))
    steps = len(told) // 6
    assert told[-1] < 0.7 * told[steps - 1]
