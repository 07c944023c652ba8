"""Profiles: sparse rows as dense ones, who is examined, what an epoch is made of, what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.data.arrays import Sparse
from serendip.models import Model
from serendip.training import FitOptions, losses, profiles
from serendip.training.loop import Schedule
from serendip.training.profiles import FirstLayer, ProfileConfig, ProfileLesson, ProfileNet, Profiles, Taught

ONE = FitOptions(seed=3, threads=1)
STATEFUL = ("mult_vae", "rec_vae", "cfgan", "neumf")


def rows(n_people: int = 7, n_items: int = 9, seed: int = 0) -> Sparse:
    """Random rows, the third of them empty."""
    dense = np.random.default_rng(seed).random((n_people, n_items)) * (
        np.random.default_rng(seed + 1).random((n_people, n_items)) < 0.5
    )
    dense[2] = 0
    return sp.csr_array(dense.astype(np.float32))


def tastes(n_people: int = 60, n_items: int = 24) -> Dataset:
    """People of three tastes, each of whom likes two thirds of the items of theirs; two items that nobody likes."""
    generator = np.random.default_rng(5)
    pairs = [(u, i) for u in range(n_people) for i in range(n_items) if u % 3 == i % 3 and generator.random() < 0.67]
    columns = {"user_id": [f"{u:02}" for u, _ in pairs], "item_id": [f"{i:02}" for _, i in pairs]}
    items = event_frame({"item_id": [f"{i:02}" for i in range(n_items + 2)]}).select("item_id")
    return Dataset.from_tables(Tables(event_frame(columns | {"type": ["like"] * len(pairs)}), items))


class Linear(ProfileNet):
    """The least network there is, which also takes note of what it is told."""

    passes = ("first", "second")

    def __init__(self, n_items: int) -> None:
        super().__init__()
        self.first, self.out = FirstLayer(n_items, 8), nn.Linear(8, n_items)
        self.aside.add_module("scaffold", nn.Linear(2, 2))
        self.told: list[str] = []

    def forward(self, people: Profiles) -> Tensor:
        found: Tensor = self.out(self.first(people, people.unit()))
        return found

    def begin(self, part: str) -> None:
        self.told.append(f"begin {part}")

    def loss(self, people: Profiles, part: str, generator: np.random.Generator) -> Tensor:
        self.told.append(part)
        return losses.multinomial(self(people), people.dense())


def taught(**settings: Any) -> Taught:
    return Taught.by(Linear, tastes().matrix(), ProfileConfig(**settings), ONE, "linear")


def test_sparse_profiles_are_the_dense_ones() -> None:
    matrix = rows()
    dense, people = matrix.toarray(), Profiles.of(matrix)
    assert len(people) == 7
    np.testing.assert_array_equal(people.dense().numpy(), dense)
    np.testing.assert_allclose(people.totals(people.values).numpy(), dense.sum(axis=1), atol=1e-6)
    table = torch.randn(9, 4, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(people.sums(table, people.values).numpy(), dense @ table.numpy(), atol=1e-5)


def test_unit_rows_have_length_one_and_an_empty_one_stays_empty() -> None:
    people = Profiles.of(rows())
    lengths = people.totals(people.unit().square()).numpy()
    np.testing.assert_allclose(lengths, [1, 1, 0, 1, 1, 1, 1], atol=1e-6)


def test_the_first_layer_and_its_gradient_are_those_of_a_dense_layer() -> None:
    people, layer = Profiles.of(rows()), FirstLayer(9, 5)
    layer.bias.data += 0.5
    dense = people.dense() @ layer.items.weight.detach() + layer.bias.detach()
    found = layer(people, people.values)
    torch.testing.assert_close(found, dense)
    found.square().sum().backward()
    torch.testing.assert_close(layer.items.weight.grad, people.dense().T @ (2 * dense))


@pytest.mark.parametrize("size", [1, 4, 100])
def test_groups_hold_everybody_once_and_cost_about_what_was_asked(size: int) -> None:
    costs = np.random.default_rng(2).integers(1, 4, 50)
    found = profiles.groups(costs, size, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(50))
    assert max(costs[group].sum() for group in found) <= size + 3
    ones = profiles.groups(np.ones(10, np.int64), 4, np.random.default_rng(0))
    assert [len(group) for group in ones] == [4, 4, 2]


def test_groups_are_new_each_time() -> None:
    generator = np.random.default_rng(0)
    first, second = (profiles.groups(np.ones(30, np.int64), 10, generator) for _ in range(2))
    assert not np.array_equal(first[0], second[0])


def test_who_is_examined_is_not_learned_from() -> None:
    matrix = tastes().matrix()
    left, exam = profiles.examination(matrix, ProfileConfig(), np.random.default_rng(0))
    assert exam is not None
    assert exam.wanted.shape[0] == 6
    assert left.shape[0] == 54
    assert left.nnz + exam.seen.nnz + exam.wanted.nnz == matrix.nnz


def test_a_digest_tells_matrices_apart() -> None:
    matrix = rows()
    assert profiles.digest(matrix) == profiles.digest(rows())
    others = (2 * matrix, matrix[:, ::-1], matrix[:6], sp.csr_array((7, 9), dtype=np.float32))
    assert len({profiles.digest(sp.csr_array(one)) for one in (matrix, *others)}) == 5


def test_nobody_is_examined_without_patience_or_where_nothing_is_to_be_found() -> None:
    matrix = tastes().matrix()
    for config, known in ((ProfileConfig(patience=0), matrix), (ProfileConfig(), matrix[:5])):
        left, exam = profiles.examination(known, config, np.random.default_rng(0))
        assert exam is None
        assert left.nnz == known.nnz


def test_an_epoch_is_made_of_its_passes_and_each_begins_once() -> None:
    net = Linear(9)
    lesson = ProfileLesson(net, rows(), 4, torch.device("cpu"))
    for step in lesson.batches(np.random.default_rng(0)):
        lesson.loss(step)
    seven = 7  # people, one to a step, since that is fewer than the fewest steps
    assert net.told == ["begin first", *["first"] * seven, "begin second", *["second"] * seven]


def test_learning_lowers_the_loss_and_finds_what_is_withheld() -> None:
    matrix = tastes().matrix()[:, :24]
    left, exam = profiles.examination(matrix, ProfileConfig(), np.random.default_rng(0))
    with profiles.torch_session(ONE) as device:
        lesson = ProfileLesson(Linear(24), left, 500, device, exam)
        course = profiles.teach(lesson, Schedule(15, 0.02, patience=15), ONE, "linear", ProfileConfig())
    assert course.losses[-1] < 0.8 * course.losses[0]
    assert max(course.grades) > course.grades[0]
    assert max(course.grades) > 0.8


def test_what_takes_no_part_is_0_and_so_is_a_history_that_says_nothing() -> None:
    found = taught(epochs=2).read(sp.csr_array(np.eye(26, dtype=np.float32)))
    assert found[:24, :24].any(axis=1).all()
    np.testing.assert_array_equal(found[:, 24:], 0)
    np.testing.assert_array_equal(found[24:], 0)


def test_scores_say_by_how_much_an_item_is_above_the_least() -> None:
    learned, data = taught(epochs=2), tastes()
    scores, found = learned.score(data.histories()), learned.read(data.matrix())
    np.testing.assert_allclose(scores[:, :24], found[:, :24] - found[:, :24].min(axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_array_equal(scores.min(axis=1), 0)


def test_more_people_than_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    learned, data = taught(epochs=2), tastes()
    at_once = learned.score(data.histories())
    monkeypatch.setattr(profiles, "READ_AT_ONCE", 7)
    np.testing.assert_allclose(learned.score(data.histories()), at_once, atol=1e-6)


def test_only_what_answers_is_kept_and_to_restore_it_draws_no_numbers() -> None:
    learned = taught(epochs=2)
    kept = learned.weights()
    assert sorted(kept) == ["first.bias", "first.items.weight", "out.bias", "out.weight", "place"]
    before = torch.get_rng_state()
    again = Taught.restored(Linear, kept)
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(again.score(tastes().histories()), learned.score(tastes().histories()))


def test_without_a_preference_there_is_nothing_to_teach() -> None:
    nothing = Taught.by(Linear, sp.csr_array((3, 4), dtype=np.float32), ProfileConfig(), ONE, "linear")
    queries = Queries.of_histories([(np.arange(4), np.zeros(4), np.ones(4))])
    np.testing.assert_array_equal(nothing.score(queries), np.zeros((1, 4)))
    assert nothing.net.told == []


@pytest.mark.parametrize("name", STATEFUL)
def test_a_course_that_was_cut_off_ends_as_if_it_had_not_been(name: str, tmp_path: Path) -> None:
    class PowerCutError(Exception):
        pass

    def cut(label: str, done: int, total: int) -> None:
        if done > 0.6 * total:
            raise PowerCutError

    def fit(options: FitOptions) -> Model:
        return models.make(name, {"epochs": 5, "patience": 5}).fit(tastes(), options)

    with pytest.raises(PowerCutError):
        fit(FitOptions(3, 1, checkpoints=tmp_path, progress=cut))
    assert any(tmp_path.rglob("*.safetensors"))
    resumed = fit(FitOptions(3, 1, checkpoints=tmp_path))
    whole = fit(FitOptions(3, 1)).weights()
    for key, array in resumed.weights().items():
        np.testing.assert_array_equal(array, whole[key])
