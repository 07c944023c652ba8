"""What one policy of the Open Bandit Data earned, estimated from the log of the other, beside what it did earn.

`python -m benchmarks.off_policy` reads the small release (men and women, 10,000 impressions of each policy; Saito et
al., 2020): once the random policy from the log of Thompson sampling, whose chances are known exactly on both sides,
and once Thompson sampling from the random log. It learned over the week, so its chances are the shares of what it
showed, which are known no better than 10,000 impressions tell. Each impression stands for itself: the release does not
say which three were one list. Told for each estimator: the rate of clicks, its interval, and the effective sample,
beside the clicks that the policy itself got, with their interval.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import cases
from serendip.data.arrays import FloatArray
from serendip.evaluation.off_policy import Logged, direct, doubly_robust, foretell, ips, on_policy, snips
from serendip.evaluation.resources import commit, machine, versions

FILE = Path(__file__).parent / "results" / "off_policy" / "open_bandit.json"
CAMPAIGNS = ("men", "women")
ONE_WAY = (("random", "bts"), ("bts", "random"))  # judged, logged


def read(folder: Path, policy: str, campaign: str) -> pl.DataFrame:
    """One log: `item_id`, `position` (from 1), `click`, `propensity_score`."""
    file = folder / policy / campaign / f"{campaign}.csv.gz"
    return pl.read_csv(file, columns=["item_id", "position", "click", "propensity_score"])


def chances(policy: str, log: pl.DataFrame, n_items: int) -> FloatArray:
    """With which chance a policy shows each item in each place, (3, N)."""
    if policy == "random":
        return np.full((3, n_items), 1 / n_items)
    shown = np.zeros((3, n_items))
    np.add.at(shown, (log["position"].to_numpy() - 1, log["item_id"].to_numpy()), 1.0)
    return np.asarray(shown / shown.sum(axis=1, keepdims=True))


def measure(folder: Path, campaign: str) -> list[dict[str, Any]]:
    logs = {policy: read(folder, policy, campaign) for policy in ("random", "bts")}
    n_items = 1 + max(int(log["item_id"].max()) for log in logs.values())  # type: ignore[arg-type]
    told = []
    for judged, logging in ONE_WAY:
        log = logs[logging]
        items, places = log["item_id"].to_numpy(), log["position"].to_numpy() - 1
        would = chances(judged, logs[judged], n_items)
        logged = Logged(
            log["click"].to_numpy().astype(float),
            log["propensity_score"].to_numpy(),
            would[places, items],
            np.arange(len(items)),
            np.zeros(len(items), np.int64),  # an impression is a list of one
        )
        foretold = foretell(logged, items, would[places])
        clicks = logs[judged]["click"].to_numpy().astype(float)
        n, one = len(clicks), np.ones(len(clicks))
        truth = on_policy(Logged(clicks, one, one, np.arange(n), np.zeros(n, np.int64))).value
        values = (
            on_policy(logged),
            ips(logged),
            snips(logged),
            direct(logged, foretold),
            doubly_robust(logged, foretold),
        )
        told += [
            {
                "campaign": campaign,
                "judged": judged,
                "logged": logging,
                "estimator": "naive" if value.estimator == "on_policy" else value.estimator,
                "value": value.value.mean,
                "low": value.value.low,
                "high": value.value.high,
                "effective": value.effective,
                "heavy_share": value.heavy_share,
                "notes": value.notes,
                "on_policy": truth.mean,
                "on_policy_low": truth.low,
                "on_policy_high": truth.high,
                "relative_error": abs(value.value.mean / truth.mean - 1),
            }
            for value in values
        ]
    return told


def main() -> None:
    folder = cases.data_root() / "open-bandit-small"
    told = [one for campaign in CAMPAIGNS for one in measure(folder, campaign)]
    result = {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "estimates": told,
    }
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    names = ("campaign", "judged", "logged", "estimator", "value", "low", "high", "on_policy", "effective")
    for one in told:
        figures = [f"{one[name]:.5f}" if isinstance(one[name], float) else one[name] for name in names]
        sys.stdout.write("  ".join(figures) + "\n")


if __name__ == "__main__":
    main()
