"""People: who they are, what they like deep down, how that turns, and who their friends are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from serendip.data.arrays import FloatArray, IntArray
from serendip.world.goods import CATEGORIES
from serendip.world.laws import DAY_MS, N_HIDDEN, START_MS, Laws
from serendip.world.styles import NAMES, loading, names
from serendip.world.words import CHINESE_NAMES, FIRST_NAMES, LAST_NAMES

CITIES = names("Oslo, Lisbon, Berlin, Paris, Milan, London, Toronto, Singapore, Shanghai, Chengdu")
CHINESE_CITIES = ("Shanghai", "Chengdu")
# Which style a city favours, in the order of `CITIES`.
CITY_STYLES = names(
    "adventurous, romantic, minimalist, romantic, vintage, noir, sporty, futuristic, futuristic, homely"
)
# How much likelier a style becomes with each twenty years above forty, in the order of styles (log scale).
AGE_SLOPES = np.array([0.0, 0.4, -0.3, 0.1, 0.0, 0.6, -0.6, -0.5, 0.1, 0.1])
CONCENTRATION = 0.12
"""Of the Dirichlet that tastes come from: small, so that most people have one to three styles."""
N_FRIENDS = 6
"""About how many friends a person has."""


@dataclass(frozen=True, eq=False)
class People:
    """Everybody in row order. What a shop knows comes first, the truth after it."""

    user_ids: tuple[str, ...]
    names: tuple[str, ...]
    cities: tuple[str, ...]
    ages: IntArray  # (U,)
    interests: tuple[tuple[str, ...], ...]  # categories they named when they joined
    joined_days: FloatArray  # (U,) negative: before the log
    friends: IntArray  # (F, 2) user rows, each pair once, the smaller row first

    before: FloatArray  # (U, styles) shares of styles at the start
    after: FloatArray  # (U, styles) what they turn to
    turn_days: FloatArray  # (U,) when half of the turn is done
    turn_shares: FloatArray  # (U,) how much of the turn they make, 0 to 1
    category_interest: FloatArray  # (U, categories)
    hidden: FloatArray  # (U, N_HIDDEN)
    purses: FloatArray  # (U,) which dearness suits them
    activity: FloatArray  # (U,) how often they visit, against others

    def __len__(self) -> int:
        return len(self.user_ids)

    def frame(self) -> pl.DataFrame:
        """The users table: what a shop would know."""
        return pl.DataFrame(
            {
                "user_id": self.user_ids,
                "name": self.names,
                "age": self.ages,
                "city": self.cities,
                "language": ["zh" if city in CHINESE_CITIES else "en" for city in self.cities],
                "interests": [list(interests) for interests in self.interests],
                "joined_ms": START_MS + (self.joined_days * DAY_MS).astype(np.int64),
            }
        )


def make_people(n_people: int, n_days: int, laws: Laws, rng: np.random.Generator) -> People:
    """`n_people` people; some join during the log."""
    ages = np.clip(rng.gamma(9.0, 4.2, n_people), 16, 84).astype(np.int64)
    city_rows = rng.integers(len(CITIES), size=n_people)
    before = _tastes(ages, city_rows, rng)
    after = _tastes(ages, city_rows, rng)
    interest = _category_interest(before, rng)
    return People(
        user_ids=tuple(f"p{number:04d}" for number in range(1, n_people + 1)),
        names=tuple(_name(CITIES[row], rng) for row in city_rows),
        cities=tuple(CITIES[row] for row in city_rows),
        ages=ages,
        interests=_named_interests(interest, rng),
        joined_days=_joined_days(n_people, n_days, laws, rng),
        friends=_friends(before, city_rows, rng),
        before=before,
        after=after,
        turn_days=rng.uniform(0, n_days, n_people),
        turn_shares=np.where(rng.random(n_people) < 0.5, rng.uniform(0.3, 1.0, n_people), 0.0),
        category_interest=interest,
        hidden=rng.standard_normal((n_people, N_HIDDEN)),
        purses=rng.standard_normal(n_people),
        activity=rng.lognormal(0, 0.7, n_people),
    )


def _tastes(ages: IntArray, city_rows: IntArray, rng: np.random.Generator) -> FloatArray:
    """Shares of styles, (U, styles): a Dirichlet tilted by age and city."""
    tilt = np.exp(np.outer((ages - 40) / 20, AGE_SLOPES))
    favourites = np.array([NAMES.index(style) for style in CITY_STYLES])[city_rows]
    tilt[np.arange(len(ages)), favourites] *= 1.6
    shares = rng.standard_gamma(CONCENTRATION * tilt) + 1e-9
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _category_interest(tastes: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(U, categories): half from the styles at home in a category, half from nothing that is known."""
    homes = np.array([np.mean([loading(kind.leanings) for kind in category.kinds], axis=0) for category in CATEGORIES])
    known = tastes @ homes.T
    known = (known - known.mean(axis=0)) / (known.std() + 1e-9)
    return np.asarray(np.sqrt(0.5) * (known + rng.standard_normal((len(tastes), len(CATEGORIES)))))


def _named_interests(interest: FloatArray, rng: np.random.Generator) -> tuple[tuple[str, ...], ...]:
    """Two categories that each person named when they joined: what they like, said carelessly."""
    said = np.argsort(-(interest + rng.gumbel(size=interest.shape)), axis=1)[:, :2]
    return tuple(tuple(CATEGORIES[row].name.en for row in rows) for rows in said)


def _name(city: str, rng: np.random.Generator) -> str:
    if city in CHINESE_CITIES:
        return CHINESE_NAMES[rng.integers(len(CHINESE_NAMES))]
    return f"{FIRST_NAMES[rng.integers(len(FIRST_NAMES))]} {LAST_NAMES[rng.integers(len(LAST_NAMES))]}"


def _joined_days(n_people: int, n_days: int, laws: Laws, rng: np.random.Generator) -> FloatArray:
    """When each person joined: most before the log (the first always), the rest evenly over it."""
    early = -1.0 - rng.exponential(200.0, n_people)
    during = rng.uniform(0, n_days, n_people)
    new = rng.random(n_people) < laws.newcomers
    new[0] = False
    return np.where(new, during, early)


def _friends(tastes: FloatArray, city_rows: IntArray, rng: np.random.Generator) -> IntArray:
    """Each person picks some of those who resemble them most, rather in their own city; picks go both ways."""
    unit = tastes / np.linalg.norm(tastes, axis=1, keepdims=True)
    closeness = unit @ unit.T + 0.15 * (city_rows[:, None] == city_rows)
    closeness += rng.gumbel(0, 0.12, closeness.shape)
    np.fill_diagonal(closeness, -np.inf)
    wanted = rng.poisson(N_FRIENDS / 2, len(tastes)).clip(0, len(tastes) - 1)
    best = np.argsort(-closeness, axis=1, kind="stable")
    pairs = np.array([(row, friend) for row, n in enumerate(wanted) for friend in best[row, :n]], dtype=np.int64)
    return np.unique(np.sort(pairs.reshape(-1, 2), axis=1), axis=0)
