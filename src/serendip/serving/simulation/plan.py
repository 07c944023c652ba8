"""Plan: how large a world, for how long, and the ways to serve it that are compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from serendip import models
from serendip.data import InputError, Progress, silent
from serendip.pipeline import Recipe
from serendip.pipeline.recipe import Source
from serendip.world import Laws, World, generate

Memory = Literal["live", "seen", "stale"]


@dataclass(frozen=True)
class Plan:
    """The same plan, the same people, the same visits and the same luck, whatever they are shown."""

    seed: int = 0
    people: int = 200
    items: int = 300
    past_days: int = 30
    """Days before the first one, which the shop of the world fills with a log."""
    history: int = 8
    """Events that a person has on the first day, on average."""
    days: int = 10
    visits: float = 0.7
    """Lists a day, for each person."""
    places: int = 10
    """Of a list."""
    refit_every: int = 0
    """Days after which models are fitted again; 0: never."""
    laws: Laws = field(default_factory=Laws)

    def __post_init__(self) -> None:
        for name in ("people", "items", "past_days", "history", "days", "places"):
            if getattr(self, name) < 1:
                raise InputError(f"a simulation needs {name} of at least 1, not {getattr(self, name)}")
        if not 0 < self.visits <= 100 or self.refit_every < 0:
            raise InputError("visits must be above 0 and at most 100 a day, and days between fits at least 0")

    @property
    def visits_a_day(self) -> int:
        return max(1, round(self.visits * self.people))

    def world(self, progress: Progress = silent) -> World:
        """Its log goes on to the end; what happens after the past is not what the simulation tells."""
        n_days = self.past_days + self.days
        events = self.history * self.people * n_days // self.past_days
        return generate(self.seed, self.items, self.people, n_days, events, progress, self.laws)


@dataclass(frozen=True)
class Way:
    """A recipe, and what the service remembers while it serves with it."""

    name: str
    recipe: Recipe
    memory: Memory = "live"
    """`live`: an event counts in the next list. `stale`: histories stay as they were on the first morning, as in a
    service whose updates are broken. `seen`: taste stays too, but nothing that somebody met is shown again."""

    @classmethod
    def parse(cls, text: str) -> Way:
        """`RECIPE` or `RECIPE=MEMORY`, where the recipe may be the name of a model too.

        Raises:
            InputError: there is no such recipe or memory.
        """
        name, _, memory = text.partition("=")
        if memory not in ("", *get_args(Memory)):
            raise InputError(f"{text!r}: after the = stands {', '.join(get_args(Memory))}")
        recipe = Recipe(name=name, sources=(Source(model=name),)) if name in models.names() else Recipe.find(name)
        return cls(text.replace("=", "-"), recipe, memory or "live")  # type: ignore[arg-type]
