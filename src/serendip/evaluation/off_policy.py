"""Off-policy evaluation: what another policy would have earned, from a log of what was shown with what chance.

A log has a row for each item in its place: what came of it (the reward), the chance with which the policy of then put
it there (the propensity), and the chance with which the judged policy would have (the target). What comes of an item
is taken to depend on who asks, the item and its place, and not on the rest of the list (the item-position model of Li
et al., "Offline evaluation of ranking policies with click models", KDD 2018, section 4.2). The value of a policy is
the mean reward of a list, all its places together.

Estimators, with w = target / propensity and q a model of the reward:

- `ips`: mean of w r; unbiased, and wild where weights are (Horvitz, Thompson, JASA 47, 1952);
- `snips`: sum of w r / sum of w, place by place; nearly unbiased and calmer (Swaminathan, Joachims, NIPS 2015);
- `direct`: mean of q under the judged policy; as right as q is;
- `doubly_robust`: `direct` plus the mean of w (r - q); right if either is (Dudik, Langford, Li, ICML 2011).

Intervals are for lists of people drawn from the same crowd: all lists of one person count as one draw. Each estimate
is a smooth function of sums over people, so its error is about the mean of one influence per person. Its t statistic
is skewed where few large weights carry the estimate; Hall's cubic transformation takes the skewness out ("On the
removal of skewness by transformation", JRSS B 54, 1992), where a bootstrap would need a thousand times the work. A
test counts in how many of 1,000 made-up worlds the intervals hold the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from serendip.data import InputError
from serendip.data.arrays import FloatArray, IntArray
from serendip.evaluation.significance import LEVEL, Estimate

HEAVY = 100.0
"""A row with a larger weight speaks for more than so many others."""
FEWEST_EFFECTIVE = 30.0
"""With an effective sample below it an interval is not to be relied on."""
STRENGTH = 20.0
"""How many showings at the overall rate an item is given before its own count."""


@dataclass(frozen=True, eq=False)
class Logged:
    """What was shown, R rows, one for each item in its place."""

    rewards: FloatArray
    """What came of each, (R,): 1 for a click, say."""
    propensities: FloatArray
    """With which chance it was put there by the policy that wrote the log, (R,)."""
    targets: FloatArray
    """With which chance the judged policy would have, (R,)."""
    lists: IntArray
    """Which list each row belongs to, (R,); any numbers."""
    places: IntArray
    """Which place of the list, (R,); any numbers."""
    people: IntArray | None = None
    """Whose list, (R,); None: each list is somebody else's."""

    def __post_init__(self) -> None:
        """See that it can be judged by.

        Raises:
            InputError: there are no rows, arrays differ in length, or a chance is missing or none.
        """
        columns = {name: value for name, value in vars(self).items() if value is not None}
        lengths = {len(value) for value in columns.values()}
        if lengths != {len(self.rewards)} or not len(self.rewards):
            raise InputError(f"a log needs columns of one length above 0, not {sorted(lengths)}")
        missing = int(np.count_nonzero(~np.isfinite(self.propensities) | (self.propensities <= 0)))
        if missing:
            raise InputError(
                f"{missing:,} of {len(self.rewards):,} rows have no propensity above 0: "
                "what another policy would have earned cannot be told from them"
            )
        for name in ("propensities", "targets"):
            values = columns[name]
            if not ((values >= 0) & (values <= 1 + 1e-9)).all():
                raise InputError(f"{name} must be chances between 0 and 1")
        if not np.isfinite(self.rewards).all():
            raise InputError("a reward is not a number")

    @property
    def weights(self) -> FloatArray:
        return np.asarray(self.targets / self.propensities)


@dataclass(frozen=True, eq=False)
class Foretold:
    """What a model of the reward says of each row of a log; it must not have learned from the same person's rows."""

    shown: FloatArray
    """Of what was shown, (R,)."""
    judged: FloatArray
    """Of what the judged policy shows in that place, the mean by its chances, (R,)."""


@dataclass(frozen=True)
class Value:
    """What a policy earns per list, and how far that can be relied on."""

    estimator: str
    value: Estimate
    effective: float
    """(sum of w)^2 / sum of w^2, rows: as if so many had been drawn by the judged policy itself. Kish, 1965."""
    mean_weight: float
    """About 1 where the log shows all that the judged policy shows."""
    heavy_share: float
    """Share of rows with a weight above `HEAVY`."""
    notes: tuple[str, ...] = ()


def ips(logged: Logged, level: float = LEVEL) -> Value:
    """Inverse propensity scoring."""
    return _told("ips", logged, *_per_list(logged.weights * logged.rewards, logged), level)


def snips(logged: Logged, level: float = LEVEL) -> Value:
    """Self-normalised inverse propensity scoring: each place by the sum of its own weights.

    Raises:
        InputError: nothing that the judged policy shows was ever shown in some place.
    """
    weights, rewards = logged.weights, logged.rewards
    _, place = np.unique(logged.places, return_inverse=True)
    totals = np.bincount(place, weights)
    if not (totals > 0).all():
        raise InputError("in some place the log never shows what the judged policy shows: nothing can be told of it")
    of_place = np.bincount(place, weights * rewards) / totals  # the mean reward there
    n_lists = len(np.unique(logged.lists))
    share = np.bincount(place) / n_lists  # of lists that reach so far
    value = float(share @ of_place)
    pull = share[place] / totals[place] * weights * (rewards - of_place[place]) + of_place[place] / n_lists
    return _told("snips", logged, value, _by_person(pull, logged) - value * _lists_by_person(logged) / n_lists, level)


def direct(logged: Logged, foretold: Foretold, level: float = LEVEL) -> Value:
    """The direct method; its interval knows nothing of how wrong the model is."""
    return _told("direct", logged, *_per_list(foretold.judged, logged), level)


def doubly_robust(logged: Logged, foretold: Foretold, level: float = LEVEL) -> Value:
    """The direct method, with what the model got wrong put right by weights."""
    rows = foretold.judged + logged.weights * (logged.rewards - foretold.shown)
    return _told("doubly_robust", logged, *_per_list(rows, logged), level)


def on_policy(logged: Logged, level: float = LEVEL) -> Value:
    """What the policy that wrote the log earned itself; the naive answer to what any other would have."""
    return _told("on_policy", logged, *_per_list(logged.rewards, logged), level)


def foretell(
    logged: Logged,
    items: IntArray,
    chances: FloatArray,
    folds: int = 5,
    rates: Callable[[FloatArray, IntArray, IntArray, int], FloatArray] | None = None,
) -> Foretold:
    """A model of the reward by item and place, made for each person from the rows of others (cross-fitting).

    Args:
        items: what was shown, rows of a catalogue, (R,).
        chances: the judged policy in the place of each row, over the catalogue, (R, N).
        rates: another model, `(rewards, items, places, N) -> (P, N)` over the distinct places in their order.
    """
    rates = rates or shrunk_rates
    n_items = chances.shape[1]
    _, place = np.unique(logged.places, return_inverse=True)
    fold = _person_rows(logged) % folds
    shown, judged = np.empty(len(items)), np.empty(len(items))
    for one in range(folds):
        mine, others = fold == one, fold != one
        learned = rates(logged.rewards[others], items[others], place[others], n_items)
        shown[mine] = learned[place[mine], items[mine]]
        judged[mine] = (chances[mine] * learned[place[mine]]).sum(axis=1)
    return Foretold(shown, judged)


def shrunk_rates(rewards: FloatArray, items: IntArray, places: IntArray, n_items: int) -> FloatArray:
    """The mean reward of each item in each place, (P, N): the item's rate, shrunk to that of all, times the place's."""
    overall = rewards.mean() if len(rewards) else 0.0
    sums, counts = np.bincount(items, rewards, n_items), np.bincount(items, minlength=n_items)
    of_item = (sums + STRENGTH * overall) / (counts + STRENGTH)
    of_place = np.bincount(places, rewards) / np.maximum(np.bincount(places), 1)
    scale = of_place / overall if overall > 0 else np.ones_like(of_place)
    return np.asarray(scale[:, None] * of_item[None, :])


def interval(value: float, influence: FloatArray, level: float = LEVEL) -> Estimate:
    """`value` with the interval that the influence of each of P people, (P,), leaves; skewness is taken out.

    The influences add up to the error of the estimate: sums, not means. Hall (1992), section 2, his g1 turned round.
    """
    n_people = len(influence)
    if n_people < 2:
        return Estimate(value)
    centred = influence - influence.mean()
    spread = centred.std()
    if spread == 0:
        return Estimate(value, value, value)
    skewness = float((centred**3).mean() / spread**3)
    error = centred.std(ddof=1) * np.sqrt(n_people)
    t = float(stats.t.ppf((1 + level) / 2, n_people - 1))
    far, near = _untransformed(t, skewness, n_people), _untransformed(-t, skewness, n_people)
    return Estimate(value, float(value - error * far), float(value - error * near))


def _untransformed(t: float, skewness: float, n: int) -> float:
    """The value of the t statistic that the transformation takes to `t`."""
    if abs(skewness) < 1e-9:
        return t
    root = np.sqrt(n)
    return float(root * 3 / skewness * (np.cbrt(1 + skewness * (t / root - skewness / (6 * n))) - 1))


def _told(estimator: str, logged: Logged, value: float, influence: FloatArray, level: float) -> Value:
    weights = logged.weights
    squares = float(weights @ weights)
    effective = float(weights.sum()) ** 2 / squares if squares else 0.0
    mean = float(weights.mean())
    weighs = estimator not in ("direct", "on_policy")
    notes = tuple(_notes(weights, effective, mean)) if weighs else ()
    heavy = float((weights > HEAVY).mean())
    return Value(estimator, interval(value, influence, level), effective, mean, heavy, notes)


def _notes(weights: FloatArray, effective: float, mean: float) -> list[str]:
    notes = []
    if effective < FEWEST_EFFECTIVE:
        notes.append(f"the log counts as {effective:.1f} rows of the judged policy: too few to rely on")
    if abs(mean - 1) > 4 * weights.std() / np.sqrt(len(weights)) + 1e-6:
        notes.append(f"the weights average {mean:.3f}, not 1: the judged policy shows what the log does not")
    return notes


def _per_list(rows: FloatArray, logged: Logged) -> tuple[float, FloatArray]:
    """The mean over lists of the sum of their rows, and the influence of each person on it."""
    n_lists = len(np.unique(logged.lists))
    value = float(rows.sum()) / n_lists
    return value, (_by_person(rows, logged) - value * _lists_by_person(logged)) / n_lists


def _person_rows(logged: Logged) -> IntArray:
    whose = logged.lists if logged.people is None else logged.people
    return np.asarray(np.unique(whose, return_inverse=True)[1])


def _by_person(rows: FloatArray, logged: Logged) -> FloatArray:
    return np.asarray(np.bincount(_person_rows(logged), rows))


def _lists_by_person(logged: Logged) -> FloatArray:
    first = np.unique(logged.lists, return_index=True)[1]
    person = _person_rows(logged)
    return np.asarray(np.bincount(person[first], minlength=int(person.max()) + 1), float)
