"""The leakage guard: every kind of leak is found where it is put in, and clean data has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from serendip.data import Dataset, Entities, Tables, Vocabulary, event_frame
from serendip.data.splits import SPLITS, Split, cold_item, global_time, k_fold, leave_one_out, user_split
from serendip.evaluation import Finding, ModelRanker, evaluate, leaks
from serendip.evaluation.leakage import LEAKS, future, future_items
from serendip.models import make
from serendip.training import FitOptions

ONE_THREAD = FitOptions(threads=1)
N_PEOPLE, N_ITEMS, N_EVENTS = 60, 80, 2_400


def clean(seed: int = 0) -> Dataset:
    """Two tastes; popular and unpopular items, a fifth of which appear only at the end; no event twice."""
    generator = np.random.default_rng(seed)
    appeal = generator.pareto(1.5, N_ITEMS) + 0.1
    appears = np.where(generator.random(N_ITEMS) < 0.2, 0.8, 0.0)
    rows = set()
    for place in range(N_EVENTS):
        there = appeal * (appears <= place / N_EVENTS)
        person = generator.integers(N_PEOPLE)
        liked = there * np.where(np.arange(N_ITEMS) % 2 == person % 2, 9, 1)
        item = generator.choice(N_ITEMS, p=liked / liked.sum())
        rows.add((f"u{person}", f"i{item}", 1 + place // 2))
    users, items, times_ms = zip(*sorted(rows, key=lambda row: row[2]), strict=True)
    values = np.clip(generator.normal(3.5, 1, len(users)).round(), 1, 5)
    ages = pl.DataFrame(
        {"user_id": [f"u{row}" for row in range(N_PEOPLE)], "age": generator.integers(18, 80, N_PEOPLE)}
    )
    columns = {
        "user_id": users,
        "item_id": items,
        "type": ["rating"] * len(users),
        "value": values,
        "time_ms": times_ms,
    }
    return Dataset.from_tables(Tables(event_frame(columns), users=ages))


def described(dataset: Dataset, **columns: object) -> Dataset:
    """With attributes of items."""
    attributes = dataset.items.attributes.with_columns(**{n: pl.Series(v) for n, v in columns.items()})  # type: ignore[arg-type]
    return replace(dataset, items=Entities(dataset.items.vocabulary, attributes))


def both(one: Dataset, other: Dataset) -> Dataset:
    """The events of two parts of one dataset, in order."""
    events, more = one.events, other.events
    names = ("user_rows", "item_rows", "times_ms", "signals", "values")
    columns = {name: np.concatenate([getattr(events, name), getattr(more, name)]) for name in names}
    order = np.argsort(columns["times_ms"], kind="stable")
    types = pl.concat([events.types, more.types])
    return replace(one, events=replace(events, **columns, types=types)).with_events(order)


def some_of(dataset: Dataset, n: int = 20) -> Dataset:
    return dataset.with_events(np.arange(n))


def counts(dataset: Dataset) -> np.ndarray:
    return np.bincount(dataset.events.item_rows, minlength=dataset.n_items)


def copied() -> list[Finding]:
    split = next(k_fold(clean()))
    return leaks(replace(split, train=both(split.train, some_of(split.test))))


def rated_twice() -> list[Finding]:
    split = next(k_fold(clean()))
    events = some_of(split.test).events
    later = replace(split.test, events=replace(events, times_ms=events.times_ms + 1))
    return leaks(replace(split, train=both(split.train, later)), ratings=True)


def late() -> list[Finding]:
    split = global_time(clean())
    last = split.test.with_events(np.arange(len(split.test.events) - 20, len(split.test.events)))
    first = split.test.with_events(np.arange(len(split.test.events) - 20))
    return leaks(replace(split, train=both(split.train, last), test=first))


def late_for_one_person() -> list[Finding]:
    split = leave_one_out(clean())
    events = some_of(split.test).events
    later = replace(split.test, events=replace(events, times_ms=events.times_ms + 1))
    return leaks(replace(split, train=both(split.train, later)))


def answers_shown() -> list[Finding]:
    split = user_split(clean())
    assert split.folded_in is not None
    return leaks(replace(split, folded_in=both(split.folded_in, some_of(split.test))))


def withheld_people_learned_from() -> list[Finding]:
    split = user_split(clean())
    assert split.folded_in is not None
    return leaks(replace(split, train=both(split.train, split.folded_in)))


def withheld_items_learned_from() -> list[Finding]:
    split = cold_item(clean())
    return leaks(replace(split, train=both(split.train, some_of(split.test))))


def attribute_of_items() -> list[Finding]:
    return leaks(global_time(described(clean(), trend=np.log1p(counts(clean())))))


def attribute_of_people() -> list[Finding]:
    dataset = clean()
    rows, values = dataset.events.user_rows, dataset.events.values
    mean = np.bincount(rows, values, minlength=N_PEOPLE) / np.bincount(rows, minlength=N_PEOPLE)
    users = Entities(dataset.users.vocabulary, dataset.users.attributes.with_columns(generosity=mean))
    return leaks(global_time(replace(dataset, users=users)))


def fitted_on_everything() -> list[Finding]:
    model = make("popular").fit(clean().liked(), ONE_THREAD)
    return leaks(global_time(clean()), fitted=model.weights())


def vocabulary_of_everything() -> list[Finding]:
    dataset = clean()
    return leaks(global_time(dataset), vocabularies={"items": dataset.items.vocabulary.ids()})


def words_of_everything() -> list[Finding]:
    appeared = np.flatnonzero(counts(global_time(clean()).train) == 0)
    makers = ["new" if row in appeared else "old" for row in range(clean().n_items)]
    return leaks(global_time(described(clean(), maker=makers)), vocabularies={"makers": {"old", "new"}})


def future_listed() -> list[Finding]:
    split = global_time(clean())
    return listed_by(seer(split), split)


def seer(split: Split) -> ModelRanker:
    """A ranker that has learned from the test part too."""
    return ModelRanker(make("ease", {"l2": 10}).fit(both(split.train, split.test), ONE_THREAD))


def listed_by(ranker: ModelRanker, split: Split) -> list[Finding]:
    relevant = sp.csr_array(split.test.matrix() > 0)
    nothing_seen = sp.csr_array(relevant.shape, dtype=bool)
    return list(future_items(split, relevant, ranker.rank(split.train.histories(), 20, nothing_seen), "it"))


def tuned_on_test() -> list[Finding]:
    return leaks(global_time(clean(), 0.1), tuned_on=global_time(clean(), 0.2))


INJECTIONS: list[tuple[str, Callable[[], list[Finding]]]] = [
    ("copies", copied),
    ("copies", rated_twice),
    ("order", late),
    ("order", late_for_one_person),
    ("history", answers_shown),
    ("withheld", withheld_people_learned_from),
    ("withheld", withheld_items_learned_from),
    ("features", attribute_of_items),
    ("features", attribute_of_people),
    ("popularity", fitted_on_everything),
    ("vocabulary", vocabulary_of_everything),
    ("vocabulary", words_of_everything),
    ("future-items", future_listed),
    ("tuning", tuned_on_test),
]


@pytest.mark.parametrize(("leak", "inject"), INJECTIONS, ids=[inject.__name__ for _, inject in INJECTIONS])
def test_every_leak_is_found_where_it_is_put_in(leak: str, inject: Callable[[], list[Finding]]) -> None:
    found = inject()
    assert leak in {finding.leak for finding in found}
    assert {finding.leak for finding in found} <= LEAKS.keys()
    assert f"LEAK ({leak})" in "\n".join(map(str, found))


def test_every_kind_of_leak_has_been_put_in() -> None:
    assert {leak for leak, _ in INJECTIONS} == LEAKS.keys()


@pytest.mark.parametrize("seed", range(20))
def test_clean_data_has_none(seed: int) -> None:
    dataset = clean(seed)
    popular = counts(global_time(dataset).train)
    honest = described(dataset, known_popularity=popular, year=2000 + np.arange(dataset.n_items) % 20)
    for name, divide in SPLITS.items():
        split = divide(honest if name == "global-time" else dataset)
        known = split.train.items.vocabulary.ids(np.unique(split.train.events.item_rows))
        model = make("popular", {"half_life_days": 1e-5}).fit(split.train, ONE_THREAD)
        assert leaks(split, fitted=model.weights(), vocabularies={"items": known}) == [], name
    final = global_time(dataset, 0.1)
    assert leaks(final, tuned_on=global_time(final.train, 0.1)) == []


@pytest.mark.parametrize("seed", range(20))
def test_evaluate_finds_nothing_in_clean_data(seed: int) -> None:
    report = evaluate(clean(seed), ["popular", "item_knn"], options=ONE_THREAD)
    assert report.findings == []
    assert "LEAK" not in str(report)


def test_evaluate_says_what_it_finds() -> None:
    leaky = described(clean(), trend=counts(clean()))
    report = evaluate(leaky, ["popular"], options=ONE_THREAD)
    assert [finding.leak for finding in report.findings] == ["features"]
    assert report.to_json()["findings"][0]["detail"].startswith("the attribute 'trend' of items follows the number")
    assert "LEAK (features)" in report.heading()


def test_a_model_that_has_seen_the_test_gives_itself_away_in_evaluate() -> None:
    class Seer(ModelRanker):
        """Learns from the whole data, whatever it is given."""

        def fit(self, dataset: Dataset, options: FitOptions = ONE_THREAD) -> Seer:
            super().fit(clean(), options)
            return self

    models = [Seer(make("popular")), Seer(make("ease", {"l2": 10}))]
    found = evaluate(clean(), models, options=ONE_THREAD, cutoffs=(20,)).findings
    leaks = dict.fromkeys(finding.leak for finding in found)  # several arrays may follow the test's counts
    assert list(leaks) == ["popularity", "future-items"]


def test_guessing_among_unknown_items_is_no_leak() -> None:
    """All new items score alike: whatever is listed of them is chance, though the same for everybody."""
    for seed in range(20):
        split = global_time(clean(seed))
        guess = make("popular")
        guess.restore({"shares": (counts(split.train) == 0).astype(np.float32)})  # new items first
        assert listed_by(ModelRanker(guess), split) == []


def test_items_of_which_something_is_known_may_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    split = global_time(described(clean(), title=["words"] * clean().n_items))
    assert listed_by(seer(split), split) == []
    monkeypatch.setattr(future, "_unknowable", lambda split: counts(split.train) == 0)
    assert listed_by(seer(split), split)


def test_tuning_on_another_dataset_is_compared_by_ids() -> None:
    dataset = clean()
    other = Dataset.from_tables(
        Tables(
            event_frame(
                {
                    "user_id": dataset.users.vocabulary.ids(dataset.events.user_rows)[::-1],
                    "item_id": dataset.items.vocabulary.ids(dataset.events.item_rows)[::-1],
                    "type": dataset.events.types.reverse(),
                    "time_ms": dataset.events.times_ms[::-1],
                }
            )
        )
    )
    assert other.users.vocabulary != dataset.users.vocabulary
    assert isinstance(other.users.vocabulary, Vocabulary)
    final = global_time(dataset, 0.1)
    assert [finding.leak for finding in leaks(final, tuned_on=global_time(other, 0.2))] == ["tuning"]
    strangers = global_time(
        Dataset.from_tables(Tables(event_frame({"user_id": ["x", "y"], "item_id": ["p", "q"]}))), 0.5
    )
    assert leaks(final, tuned_on=strangers) == []
