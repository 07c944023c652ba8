"""Results: what an experiment says so far, from what it showed and what came of it, and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import polars as pl

from serendip.data import Signals
from serendip.evaluation.experiments.advice import Advice, advise
from serendip.evaluation.experiments.sequential import BROKEN_SPLIT, Tally, difference, rate, split_p_value
from serendip.evaluation.significance import Estimate

HARMS = ("vetoes", "empty lists")
"""What must not go up: lists with an item that was hidden or disliked, and lists without an item."""


@dataclass(frozen=True)
class ArmResult:
    """One arm so far; figures are shares of lists, those of an arm beside the control differences to it."""

    name: str
    people: int
    lists: int
    wanted: Estimate
    """Of lists that led to something wanted; interleaved, of lists whose choices favour the arm."""
    gain: Estimate | None
    """None of the control; interleaved, by how many more lists favour the arm than the control."""
    harms: dict[str, Estimate]
    advice: Advice | None


@dataclass(frozen=True)
class Results:
    """All arms, the control first; intervals hold at all times together, so that they may be looked at at any time."""

    kind: str
    worth: float
    split_p_value: float
    """How likely so uneven a split of people is by chance; 1 where everybody sees both arms."""
    split_broken: bool
    arms: tuple[ArmResult, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def results(
    kind: Literal["split", "interleaving"],
    lists: pl.DataFrame,
    outcomes: pl.DataFrame,
    arms: Sequence[tuple[str, float]],
    worth: float,
    signals: Signals,
) -> Results:
    """Read an experiment.

    Args:
        lists: what was shown: `request_id`, `user_id`, `arm`, `empty`.
        outcomes: what came of it: `request_id`, `type`, `value`, `arm` (of the item, where lists are interleaved).
        arms: names and shares, the control first.
        worth: the smallest difference worth knowing, a share of lists.
        signals: what is wanted and what is a veto.
    """
    judged = outcomes.with_columns(signals.expression().alias("signal"))
    told = _split if kind == "split" else _interleaved
    return told(lists, judged, arms, worth)


def _split(lists: pl.DataFrame, judged: pl.DataFrame, arms: Sequence[tuple[str, float]], worth: float) -> Results:
    of_list = judged.group_by("request_id").agg(
        (pl.col("signal") > 0).any().alias("wanted"), (pl.col("signal") < 0).any().alias("vetoes")
    )
    told = lists.join(of_list, on="request_id", how="left").rename({"empty": "empty lists"})
    people = told.group_by("arm", "user_id").agg(
        pl.len().alias("lists"), pl.col("wanted", *HARMS).fill_null(False).sum()
    )
    of_arm = [people.filter(pl.col("arm") == name).sort("user_id") for name, _ in arms]
    uneven = split_p_value([one.height for one in of_arm], [share for _, share in arms])
    control = of_arm[0]
    found = []
    for (name, _), mine in zip(arms, of_arm, strict=True):
        gain, harms, advice = None, {}, None
        if mine is not control:
            gain = difference(_tally(control, "wanted"), _tally(mine, "wanted"), worth)
            harms = {harm: difference(_tally(control, harm), _tally(mine, harm), worth) for harm in HARMS}
            advice = advise(gain, harms, worth, uneven)
        wanted = rate(_tally(mine, "wanted"), worth)
        found.append(ArmResult(name, mine.height, int(mine["lists"].sum()), wanted, gain, harms, advice))
    return Results("split", worth, uneven, uneven < BROKEN_SPLIT, tuple(found))


def _interleaved(lists: pl.DataFrame, judged: pl.DataFrame, arms: Sequence[tuple[str, float]], worth: float) -> Results:
    (control, _), (challenger, _) = arms
    side = pl.col("arm").replace_strict({control: -1, challenger: 1}, default=0, return_dtype=pl.Int8)
    favours = (side * (pl.col("signal") > 0)).sum().sign().alias("favours")
    vetoed = (side * (pl.col("signal") < 0)).sum().sign().alias("vetoes")
    told = lists.join(judged.group_by("request_id").agg(favours, vetoed), on="request_id", how="left").with_columns(
        pl.col("favours", "vetoes").fill_null(0)
    )
    ahead = [(pl.col("favours") == sign).sum().alias(name) for name, sign in (("control", -1), ("challenger", 1))]
    people = (
        told.group_by("user_id").agg(pl.len().alias("lists"), pl.col("favours", "vetoes").sum(), *ahead).sort("user_id")
    )
    gain, harms = rate(_tally(people, "favours"), worth), {"vetoes": rate(_tally(people, "vetoes"), worth)}
    n_lists = int(people["lists"].sum())
    shares = [rate(_tally(people, name), worth) for name in ("control", "challenger")]
    advice = advise(gain, harms, worth, 1.0)
    both = (
        ArmResult(control, people.height, n_lists, shares[0], None, {}, None),
        ArmResult(challenger, people.height, n_lists, shares[1], gain, harms, advice),
    )
    return Results("interleaving", worth, 1.0, False, both)


def _tally(people: pl.DataFrame, name: str) -> Tally:
    return Tally(people[name].cast(pl.Float64).to_numpy(), people["lists"].cast(pl.Float64).to_numpy())
