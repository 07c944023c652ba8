"""Content towers: gates, own vectors, sums, and which part of a history is shown."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from serendip.training.content_towers import ItemTower, TowerConfig, Towers, parted, recency, sums
from serendip.training.sequences import Sequences

LENGTHS = [4, 2, 9, 200]


def sequences() -> Sequences:
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    return Sequences(offsets, np.arange(offsets[-1]), np.zeros(offsets[-1], np.int64))


def tower(fusion: str = "gates", **changed: object) -> tuple[ItemTower, list[torch.Tensor]]:
    torch.manual_seed(0)
    contents = [
        np.random.default_rng(place).standard_normal((6, width)).astype(np.float32)
        for place, width in enumerate((3, 5))
    ]
    contents[0][1] = contents[1][2] = contents[0][3] = contents[1][3] = 0
    config = TowerConfig(embedding_size=8, dropout=0.0, fusion=fusion, **changed)  # type: ignore[arg-type]
    made = ItemTower([3, 5], 6, config)
    torch.nn.init.normal_(made.own.weight)
    for voice in made.voices:
        torch.nn.init.normal_(voice)
    return made.eval(), [torch.from_numpy(part) for part in contents]


@pytest.mark.parametrize("fusion", ["gates", "concatenation"])
@torch.no_grad()
def test_items_are_what_their_contents_and_their_own_vectors_say(fusion: str) -> None:
    made, contents = tower(fusion)
    nobody, own = torch.full((6,), -1), torch.arange(6)
    by_content, both = made(contents, nobody), made(contents, own)
    lengths = by_content.norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([1.0, 1, 1, 0, 1, 1]))
    torch.testing.assert_close(both.norm(dim=1), torch.ones(6))
    torch.testing.assert_close(both[3], torch.nn.functional.normalize(made.own.weight[3], dim=0))
    assert not torch.allclose(by_content[0], both[0])


@torch.no_grad()
def test_a_kind_that_says_nothing_has_no_say() -> None:
    made, contents = tower()
    found = made(contents, torch.full((6,), -1))
    for row, kind in ((1, 1), (2, 0)):  # what says nothing of them is the other kind
        h = made.parts[kind](contents[kind][row])
        z = h + made.deep(h)
        torch.testing.assert_close(found[row], z / z.norm())
    h = [part(x[0]) for part, x in zip(made.parts, contents, strict=True)]
    calls = torch.stack([(torch.tanh(one) * voice).sum() for one, voice in zip(h, made.voices, strict=True)])
    fused = (torch.softmax(calls, 0)[:, None] * torch.stack(h)).sum(0)
    z = fused + made.deep(fused)
    torch.testing.assert_close(found[0], z / z.norm())


@torch.no_grad()
def test_own_vectors_are_left_out_while_learning() -> None:
    made, contents = tower(own_dropout=0.5)
    own = torch.arange(6)
    by_content, both = made(contents, torch.full((6,), -1)), made(contents, own)
    made.train()
    met = torch.stack([made(contents, own) for _ in range(200)])  # (200, 6, D)
    without = torch.isclose(met, by_content, atol=1e-6).all(2)
    whole = torch.isclose(met, both, atol=1e-6).all(2)
    assert (without | whole).all()
    assert 0.4 < without.float().mean() < 0.6
    alone = ItemTower([], 6, TowerConfig(embedding_size=8, own_dropout=1.0)).train()
    assert alone([], own).any(1).all()  # there is nothing else to learn from


@torch.no_grad()
def test_people_are_what_parts_them_from_all_others() -> None:
    torch.manual_seed(0)
    met = torch.randn(50, 8) + 3  # all have much in common
    met[7] = 0
    apart, together = (Towers([3], 6, TowerConfig(embedding_size=8, fame=fame)).train() for fame in (True, False))
    assert together.of_people(met).sum(0).norm() > 40
    people = apart.of_people(met)
    assert people.sum(0).norm() < 1e-4
    assert not people[7].any()
    for _ in range(200):
        apart.of_people(met)
    torch.testing.assert_close(apart.eval().of_people(met), people, atol=1e-3, rtol=0)  # one by one, later


def test_how_wanted_an_item_is_starts_at_how_many_want_it() -> None:
    net = Towers([3], 3, TowerConfig(embedding_size=8))
    net.start(np.array([1, 10, 100]))
    torch.testing.assert_close(net.standing.detach(), torch.tensor([2.0, 11, 101]).log())
    without = Towers([3], 3, TowerConfig(embedding_size=8, fame=False))
    without.start(np.array([1, 10, 100]))
    assert not without.standing.any()


def test_sums_are_sums_over_the_root_of_the_weights() -> None:
    vectors = torch.randn(5, 3)
    weights, owners = torch.tensor([1.0, 0.5, 2.0, 1.0, 1.0]), torch.tensor([0, 0, 2, 2, 2])
    found = sums(vectors, weights, owners, 4)
    torch.testing.assert_close(found[0], (vectors[0] + 0.5 * vectors[1]) / 1.5**0.5)
    torch.testing.assert_close(found[2], (2 * vectors[2] + vectors[3] + vectors[4]) / 2)
    assert not found[1].any()
    assert not found[3].any()


def test_of_each_history_some_is_shown_and_some_is_asked_for() -> None:
    generator, whole, of_the_longest = np.random.default_rng(0), sequences(), []
    total = np.zeros((2, sum(LENGTHS)))
    for _ in range(300):
        both = np.stack(parted(whole, 0.7, generator))
        counts = np.add.reduceat(both, whole.offsets[:-1], axis=1)
        assert (counts >= 1).all()
        assert not (both[0] & both[1]).any()
        total += both
        of_the_longest.append(counts[:, -1])
    assert total[0].min() > 0.25 * 300  # nobody stands apart
    assert total[0].max() < 0.8 * 300
    shown, asked = np.transpose(of_the_longest)
    assert 0.6 < (shown > 80).mean() < 0.9
    assert 0.05 < (shown < 10).mean() < 0.2  # newcomers are learned too
    assert 0.25 < asked.mean() / LENGTHS[-1] < 0.35
    assert asked[shown < 10].mean() < 1.3 * asked[shown > 80].mean()  # and do not outweigh all others


def test_what_fades_fades_by_what_is_shown_later() -> None:
    whole = sequences()
    shown = np.zeros(sum(LENGTHS), bool)
    shown[[0, 2, 4, 5, 7]] = True  # two of the first, both of the second, one of the third
    shown[5] = False
    np.testing.assert_allclose(recency(whole, shown, 2.0), np.exp([-0.5, 0, 0, 0]), rtol=1e-6)
    np.testing.assert_array_equal(recency(whole, shown, None), 1)
