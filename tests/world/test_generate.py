from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from serendip.data import Dataset, InputError
from serendip.data.tables import EVENT_SCHEMA
from serendip.world import generate
from serendip.world.laws import DAY_MS, START_MS

ITEM_COLUMNS = [
    *("item_id", "title", "title_zh", "description", "description_zh", "category", "category_zh"),
    *("kind", "style", "theme"),
    *("material", "colour", "brand", "maker", "price", "currency", "year", "tags", "image", "added_ms"),
]
USER_COLUMNS = ["user_id", "name", "age", "city", "language", "interests", "joined_ms"]
EVENT_TYPES = {"view", "click", "cart", "purchase", "like", "rating", "skip", "hide"}


def same_tables(one, other) -> bool:
    names = ("events", "items", "users", "relations")
    return all(getattr(one.tables(), name).equals(getattr(other.tables(), name)) for name in names)


def test_the_same_seed_makes_the_same_world_and_another_seed_another():
    sizes = {"n_items": 80, "n_people": 40, "n_days": 20, "target_events": 2_000}
    first, second, other = generate(5, **sizes), generate(5, **sizes), generate(6, **sizes)
    assert same_tables(first, second)
    assert_frame_equal(first.exposures, second.exposures)
    np.testing.assert_array_equal(first.utility(), second.utility())
    assert not same_tables(first, other)


def test_sizes(world):
    tables = world.tables()
    assert tables.items.height == 2_000
    assert tables.users.height == 1_000
    assert tables.events.height == pytest.approx(100_000, rel=0.03)
    assert tables.items["category"].n_unique() >= 8
    assert tables.items["category"].value_counts()["count"].to_list() == [200] * 10
    assert world.utility().shape == (1_000, 2_000)
    assert world.utility().dtype == np.float32


@pytest.mark.parametrize("size", ["n_items", "n_people", "n_days", "target_events"])
def test_a_world_of_nothing_is_refused(size):
    with pytest.raises(InputError, match=size):
        generate(**{size: 0})


def test_the_smallest_world_lives():
    assert generate(n_items=1, n_people=1, n_days=1, target_events=1).tables().items.height == 1


def test_events_have_every_type_valid_ids_and_times_within_the_log(world):
    tables = world.tables()
    assert tables.events.schema == EVENT_SCHEMA
    assert set(tables.events["type"]) == EVENT_TYPES
    assert tables.events["event_id"].null_count() == tables.events.height
    assert tables.events["time_ms"].is_sorted()
    assert tables.events["time_ms"].is_between(START_MS, START_MS + 90 * DAY_MS - 1).all()
    assert tables.events["item_id"].is_in(tables.items["item_id"].to_list()).all()
    assert tables.events["user_id"].is_in(tables.users["user_id"].to_list()).all()
    assert tables.events.is_duplicated().sum() == 0


def test_ratings_and_only_ratings_have_values_from_1_to_5(world):
    events = world.tables().events
    ratings = events.filter(pl.col("type") == "rating")
    assert set(ratings["value"]) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert events.filter(pl.col("type") != "rating")["value"].null_count() == events.height - ratings.height


def test_nothing_happens_to_an_item_or_a_person_before_they_come(world):
    tables = world.tables()
    events = tables.events.join(tables.items, on="item_id").join(tables.users, on="user_id")
    assert (events["time_ms"] >= events["added_ms"]).all()
    assert (events["time_ms"] >= events["joined_ms"]).all()


def test_nothing_bought_or_hidden_is_shown_again(world):
    ended = world.tables().events.filter(pl.col("type").is_in(["purchase", "hide"]))
    pairs = ended.group_by("user_id", "item_id").agg(pl.len(), pl.col("time_ms").max().alias("ended_ms"))
    assert pairs["len"].max() == 1
    shown = world.exposures.join(pairs, on=["user_id", "item_id"])
    assert (shown["time_ms"] <= shown["ended_ms"]).all()


def test_new_items_arrive_and_the_last_have_no_events(world):
    items = world.tables().items.with_columns(day=(pl.col("added_ms") - START_MS) / DAY_MS)
    counts = world.tables().events.group_by("item_id").len()
    arrived = items.filter(pl.col("day") > 0).join(counts, on="item_id", how="left").fill_null(0)
    assert 0.13 < arrived.height / items.height < 0.17
    last = arrived.filter(pl.col("day") == 90)
    assert last.height >= 5
    assert last["len"].sum() == 0
    assert arrived.filter(pl.col("day") < 45)["len"].median() > 10


def test_popularity_has_a_long_tail_and_no_absurd_head(world):
    counts = np.sort(world.tables().events.group_by("item_id").len()["len"].to_numpy())[::-1]
    assert 0.3 < counts[:200].sum() / counts.sum() < 0.6
    assert counts[0] / counts.sum() < 0.02


def test_titles_are_unique_in_both_languages_and_say_what_a_thing_is(world):
    items = world.tables().items
    for column in ("title", "title_zh"):
        assert items[column].n_unique() == items.height
    assert items["title_zh"].str.contains(r"\p{Han}").all()
    assert items["description_zh"].str.contains(r"\p{Han}").all()
    assert not items["title"].str.contains(r"\p{Han}|[{}]").any()
    assert items["title"].str.contains(r" No\. \d+$").mean() < 0.05
    moka = items.filter(pl.col("kind") == "Moka Pot")
    assert moka["title"].str.contains("Moka Pot").all()
    assert moka["title_zh"].str.contains("摩卡壶").all()


def test_facts_start_at_items_and_say_what_the_columns_say(world):
    tables = world.tables()
    facts = tables.relations.filter(pl.col("relation") != "friend")
    assert set(facts["head"]) == set(tables.items["item_id"])
    assert {"brand", "material", "author", "director", "artist", "style", "theme"} <= set(facts["relation"])
    brands = facts.filter(pl.col("relation") == "brand").join(tables.items, left_on="head", right_on="item_id")
    assert (brands["tail"] == brands["brand"]).all()


def test_friends_are_two_people_and_each_pair_stands_once(world):
    friends = world.tables().relations.filter(pl.col("relation") == "friend")
    users = set(world.tables().users["user_id"])
    assert set(friends["head"]) | set(friends["tail"]) <= users
    assert (friends["head"] < friends["tail"]).all()
    assert friends.is_duplicated().sum() == 0
    assert 4 < 2 * friends.height / len(users) < 8


def strongest_tie(frame: pl.DataFrame, truths: list[np.ndarray]) -> float:
    """The largest absolute correlation of a number in `frame` with a truth."""
    numbers = frame.select(pl.selectors.numeric()).to_numpy().T
    return max(abs(np.corrcoef(column, truth)[0, 1]) for column in numbers for truth in truths)


def test_the_truth_stands_in_no_table(world):
    tables, catalogue, people = world.tables(), world.catalogue, world.people
    assert tables.items.columns == ITEM_COLUMNS
    assert tables.users.columns == USER_COLUMNS
    of_items = [world.utility().mean(axis=0), catalogue.quality, catalogue.fame, *catalogue.hidden.T]
    of_people = [world.utility().mean(axis=1), people.turn_shares, people.purses, people.activity, *people.hidden.T]
    assert strongest_tie(tables.items, of_items) < 0.4
    assert strongest_tie(tables.users, of_people) < 0.4
    leaked = tables.items.with_columns(merit=pl.Series(catalogue.quality))
    assert strongest_tie(leaked, of_items) > 0.99


def test_progress_is_told_day_by_day():
    told = []
    generate(n_items=20, n_people=10, n_days=4, target_events=50, progress=lambda *words: told.append(words))
    assert [done for _, done, _ in told] == [0, 1, 2, 3, 4]
    assert {total for _, _, total in told} == {4}


def test_a_dataset_can_be_made_of_it(world):
    dataset = Dataset.from_tables(world.tables())
    assert (dataset.n_users, dataset.n_items) == (1_000, 2_000)
    assert dataset.matrix().nnz > 30_000
