"""What the world promises to those who measure on it: signal, ties between categories, bias, drift."""

from __future__ import annotations

import numpy as np
import polars as pl

from serendip.data import Dataset

DAY_MS = 86_400_000


def click_rates(world) -> np.ndarray:
    """Clicks per exposure at each position."""
    rates = world.exposures.group_by("position").agg(pl.col("clicked").mean()).sort("position")
    return rates["clicked"].to_numpy()


def test_clicks_show_position_bias_unless_it_is_switched_off(world, small_world):
    biased, fair = click_rates(world), click_rates(small_world(position_bias=0.0))
    assert biased[0] > 4 * biased[-1]
    assert (np.diff(biased[:5]) < 0).all()
    # What stands first is more popular, hence wanted a little more; nothing else favours it.
    assert fair[0] < 1.6 * fair[-1]


def test_examination_falls_with_position_by_its_law(small_world):
    behaviour = small_world().behaviour
    np.testing.assert_allclose(behaviour.examination(10), np.arange(1, 11) ** -0.8)
    np.testing.assert_array_equal(small_world(position_bias=0.0).behaviour.examination(3), 1.0)


def style_change(world, who: np.ndarray) -> float:
    """How far the styles of what `who` open in the last third of the log are from those of the first third."""
    tables = world.tables()
    end = world.n_days * DAY_MS
    events = (
        tables.events.filter(pl.col("type").is_in(["view", "click"]))
        .join(tables.items.select("item_id", "style"), on="item_id")
        .with_columns(part=(pl.col("time_ms") - tables.events["time_ms"].min()) * 3 // end)
        .filter(pl.col("part") != 1)
    )
    wanted = tables.users.filter(pl.Series(who))["user_id"].to_list()
    counts = events.filter(pl.col("user_id").is_in(wanted)).group_by("user_id", "part", "style").len()
    shares = counts.with_columns(pl.col("len") / pl.col("len").sum().over("user_id", "part"))
    wide = shares.pivot("part", index=["user_id", "style"], values="len").fill_null(0.0)
    change = wide.group_by("user_id").agg((pl.col("0") - pl.col("2")).abs().sum() / 2)
    return float(change["0"].mean())


def test_people_drift_unless_it_is_switched_off(small_world):
    drifting, still = small_world(), small_world(drift=0.0)
    np.testing.assert_array_equal(still.utility(0), still.utility(60))
    assert np.abs(drifting.utility(0) - drifting.utility(60)).mean() > 0.2
    turners = drifting.people.turn_shares > 0.5
    assert style_change(drifting, turners) > 1.2 * style_change(still, turners)


def test_only_those_who_turn_change_much(world):
    change = np.abs(world.utility(0) - world.utility(90)).mean(axis=1)
    turners = world.people.turn_shares > 0
    assert change[turners].mean() > 1.5 * change[~turners].mean()


def test_utility_is_about_standard_normal(world):
    utility = world.utility(0)
    assert abs(utility.mean()) < 0.1
    assert 0.9 < utility.std() < 1.1
    np.testing.assert_array_equal(world.utility(0, np.array([3, 7])).shape, (2, 2_000))
    np.testing.assert_allclose(world.utility(0, np.array([3, 7])), utility[[3, 7]], atol=1e-5)


def test_friends_have_more_similar_taste_than_strangers(world):
    rng = np.random.default_rng(0)
    utility = world.utility(0)
    unit = utility - utility.mean(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    one, other = world.people.friends.T
    stranger = rng.permutation(other)
    with_friends, with_strangers = (unit[one] * unit[other]).sum(axis=1), (unit[one] * unit[stranger]).sum(axis=1)
    assert with_friends.mean() > with_strangers.mean() + 0.15


def share_of_outdoor_purchases(world) -> np.ndarray:
    tables = world.tables()
    bought = tables.events.filter(pl.col("type") == "purchase").join(tables.items, on="item_id")
    shares = bought.group_by("user_id").agg((pl.col("category") == "outdoor").mean().alias("share"))
    return tables.users.join(shares, on="user_id", how="left", maintain_order="left")["share"].fill_null(0).to_numpy()


def lead_on_travel_books(world, shares: np.ndarray) -> float:
    """How much more the fifth of people with the most outdoor purchases want travel books than the others do."""
    items = world.tables().items
    travel_books = ((items["category"] == "books") & (items["theme"] == "travel")).to_numpy()
    wanted = world.utility()[:, travel_books].mean(axis=1)
    hikers = shares >= np.quantile(shares, 0.8)
    return float(wanted[hikers].mean() - wanted[~hikers].mean())


def test_who_buys_outdoor_things_wants_travel_books(world):
    shares = share_of_outdoor_purchases(world)
    assert lead_on_travel_books(world, shares) > 0.25
    shuffled = np.random.default_rng(0).permutation(shares)
    assert abs(lead_on_travel_books(world, shuffled)) < 0.12


def ndcg(scores: np.ndarray, seen: np.ndarray, wanted: np.ndarray, k: int = 10) -> float:
    """Mean NDCG@k over people with something to find; what was seen before is left out."""
    places = np.argsort(-np.where(seen, -np.inf, scores), axis=1)[:, :k]
    gains = 1 / np.log2(np.arange(2, k + 2))
    found = (np.take_along_axis(wanted, places, axis=1) * gains).sum(axis=1)
    numbers = wanted.sum(axis=1)
    asked = numbers > 0
    best = np.cumsum(gains)[np.minimum(numbers[asked], k) - 1]
    return float((found[asked] / best).mean())


def test_personal_models_beat_popularity_under_a_global_time_split(world):
    dataset = Dataset.from_tables(world.tables())
    past = dataset.events.times_ms < np.quantile(dataset.events.times_ms, 0.8)
    matrix = dataset.with_events(past).matrix().toarray()
    seen = matrix > 0
    wanted = (dataset.with_events(~past).matrix().toarray() > 0) & ~seen
    popular = np.tile(seen.sum(axis=0).astype(float), (len(seen), 1))
    gram = matrix.T @ matrix + 100 * np.eye(dataset.n_items)
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    assert ndcg(matrix @ weights, seen, wanted) > 1.5 * ndcg(popular, seen, wanted)


def test_search_and_clicks_follow_utility(world):
    events, utility = world.log.events, world.utility(45)
    of_type = {
        type_: utility[part["user_row"].to_numpy(), part["item_row"].to_numpy()].mean()
        for (type_,), part in events.partition_by("type", as_dict=True).items()
    }
    assert of_type["purchase"] > of_type["click"] > of_type["skip"] > of_type["hide"]
    ratings = events.filter(pl.col("type") == "rating")
    felt = utility[ratings["user_row"].to_numpy(), ratings["item_row"].to_numpy()]
    assert np.corrcoef(felt, ratings["value"].to_numpy())[0, 1] > 0.4
