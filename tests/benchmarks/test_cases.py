"""Cases are well-formed, and divide as the papers say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cases import CASES, Case, Fold, find
from benchmarks.cases.folds import leave_last_out, random_811
from benchmarks.ratings import BASELINES
from serendip import models
from serendip.data import Dataset, InputError, Tables, event_frame
from serendip.data.splits import Split, global_time

REQUIRED = {
    "ml-100k/ratings-5fold", "ml-1m/ratings-5fold", "ml-100k/global-time", "ml-latest-small/global-time",
    "ml-1m/leave-one-out", "amazon-beauty/leave-one-out", "amazon-toys/leave-one-out", "gowalla/lightgcn-split",
    "amazon-book/kgat-split", "lastfm/random-811", "ml-1m/cold-item",
}  # fmt: skip
NAMES = {"ranking": r"(ndcg|recall|hit_rate|mrr|precision|map|coverage)@(\d+)", "ratings": r"(rmse|mae)"}


def sequences(n_people: int = 12, length: int = 6) -> Dataset:
    """Person p chooses the items p, p + 1, ..."""
    pairs = [(f"p{person}", f"i{person + step}") for person in range(n_people) for step in range(length)]
    people, items = zip(*pairs, strict=True)
    frame = event_frame({"user_id": people, "item_id": items, "type": ["like"] * len(pairs)})
    return Dataset.from_tables(Tables(frame))


def ids(dataset: Dataset, person: str) -> list[str]:
    return [event.item_id for event in dataset.history(person)]


def test_the_required_cases_are_there() -> None:
    assert set(CASES) >= REQUIRED


@pytest.mark.parametrize("case", CASES.values(), ids=str)
def test_a_case_is_well_formed(case: Case) -> None:
    pattern = re.compile(NAMES[case.kind])
    for metric in (*case.metrics, *(name for published in case.published for name in published.metrics)):
        match = pattern.fullmatch(metric)
        assert match, metric
        assert case.kind == "ratings" or int(match[2]) in case.cutoffs
    for model in case.models:
        name = model.partition("?")[0]
        assert name in (BASELINES if case.kind == "ratings" else models.names())
    for published in case.published:
        assert published.source
        assert published.metrics
        assert all(0 < value < 1 or case.kind == "ratings" for value in published.metrics.values())
    assert len({published.model for published in case.published}) == len(case.published)


def test_an_unknown_case_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="there is no case 'ml-9'; there are ml-100k/ratings-5fold, "):
        find("ml-9")


def test_a_missing_data_set_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        CASES["lastfm/random-811"].material(tmp_path)
    said = str(refusal.value)
    assert said.startswith(f"lastfm/random-811 needs the data set lastfm-hetrec, which is not in {tmp_path}")
    assert "SERENDIP_DATA" in said
    assert "\n" not in said


def test_a_missing_file_is_said_too(tmp_path: Path) -> None:
    (tmp_path / "amazon-toys").mkdir()
    with pytest.raises(InputError, match=r"sequences\.txt\.gz does not exist"):
        CASES["amazon-toys/leave-one-out"].material(tmp_path)


def test_leave_one_out_is_that_of_sasrec() -> None:
    fold = leave_last_out(sequences())
    assert ids(fold.test, "p3") == ["i8"]
    assert ids(fold.shown, "p3") == ["i3", "i4", "i5", "i6", "i7"]  # the validation item too
    assert ids(fold.learn, "p3") == ["i3", "i4", "i5", "i6"]
    assert fold.known is fold.shown


def test_random_811_hides_the_validation_items() -> None:
    fold = random_811(sequences(n_people=5, length=20))
    for person in ("p0", "p4"):
        learned, known, test = (set(ids(part, person)) for part in (fold.learn, fold.known, fold.test))
        assert (len(learned), len(known), len(test)) == (16, 18, 2)
        assert learned < known
        assert not known & test
    assert fold.shown is fold.learn


def test_a_plain_split_keeps_its_hash() -> None:
    times = np.arange(60) * 1_000_000
    frame = event_frame(
        {
            "user_id": [f"p{n % 6}" for n in range(60)],
            "item_id": [f"i{n % 10}" for n in range(60)],
            "type": ["like"] * 60,
            "time_ms": times.tolist(),
        }
    )
    split = global_time(Dataset.from_tables(Tables(frame)))
    fold = Fold.of(split)
    assert len(fold.sides) == 2
    assert Split(fold.learn, fold.test, "x").hash == split.hash


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "people", "items", "learned", "tested"),
    [
        ("ml-1m/leave-one-out", 6_040, 3_416, 999_611 - 2 * 6_040, 6_040),
        ("amazon-beauty/leave-one-out", 22_363, 12_101, 198_502 - 2 * 22_363, 22_363),
        ("amazon-toys/leave-one-out", 19_412, 11_924, 167_597 - 2 * 19_412, 19_412),
        ("gowalla/lightgcn-split", 29_858, 40_981, 810_128, 217_242),
        ("ml-100k/ratings-5fold", 943, 1_682, 80_000, 20_000),
    ],
)
def test_sizes_are_the_published_ones(
    data_root: Path, name: str, people: int, items: int, learned: int, tested: int
) -> None:
    for fold in CASES[name].material(data_root).folds:
        assert (fold.learn.n_users, fold.learn.n_items) == (people, items)
        assert (len(fold.learn.events), len(fold.test.events)) == (learned, tested)


@pytest.mark.data
def test_films_with_texts_are_divided_as_those_without(data_root: Path) -> None:
    plain, told = (CASES[name].material(data_root) for name in ("ml-1m/cold-item", "ml-1m/cold-item-text"))
    assert plain.split_hash == told.split_hash
    attributes = told.folds[0].learn.items.attributes
    assert attributes["item_id"].to_list() == plain.folds[0].learn.items.attributes["item_id"].to_list()
    rated = attributes[np.unique(told.whole[0].events.item_rows)]
    assert len(rated) == 3_706
    assert rated["plot"].count() == 3_685
    assert rated["abstract"].count() == 3_228
