"""Loop: people come, are shown lists by the service, and act; the next lists know of it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from serendip.data import Progress, Query, silent, track
from serendip.data.arrays import FloatArray, IntArray
from serendip.serving.engine import Answer
from serendip.serving.simulation.plan import Memory, Plan, Way
from serendip.serving.simulation.service import Service
from serendip.store import StoredEvent
from serendip.world import Reactions, World
from serendip.world.living import Life, moment_ms

NOON = 0.5
BETWEEN_SITTINGS_MS = 3_600_000
NOT_TOLD = "rating"
"""People rate days later; here nobody does."""


@dataclass(eq=False)
class Lived:
    """What was shown and what it was worth, list by list: B lists of K places, in order of time."""

    days: IntArray  # (B,) from 0
    user_rows: IntArray  # (B,)
    slates: IntArray  # (B, K) item rows, -1: no item
    gains: FloatArray  # (B, K) what each place was worth
    best: FloatArray  # (B,) what the list of the oracle was worth
    opened: IntArray  # (B,) how many items of the list were opened
    changed: FloatArray  # (B,) 1: unlike the list before, after which the person did something; NaN: no such list
    effect_ms: list[float] = field(default_factory=list)
    """How long it took from an event handed in until a list that knows of it, once a sitting; machines differ."""

    @classmethod
    def of(cls, parts: Sequence[Lived]) -> Lived:
        def joined(name: str) -> Any:
            return np.concatenate([getattr(part, name) for part in parts])

        shown = joined("days"), joined("user_rows"), joined("slates")
        effect_ms = [spent for part in parts for spent in part.effect_ms]
        return cls(*shown, joined("gains"), joined("best"), joined("opened"), joined("changed"), effect_ms)

    def gain_of_people(self, n_people: int) -> FloatArray:
        """What a list was worth to each person on average, (U,), NaN for who never came."""
        total = np.bincount(self.user_rows, self.gains.sum(axis=1), minlength=n_people)
        lists = np.bincount(self.user_rows, minlength=n_people)
        return np.where(lists > 0, total / np.maximum(lists, 1), np.nan)


class Loop:
    """One service and the people who live with it."""

    def __init__(self, plan: Plan, world: World, service: Service, memory: Memory = "live") -> None:
        self._plan, self._service, self._memory = plan, service, memory
        self.life = Life(world, plan.past_days, plan.seed)
        self._ids = [item.item_id for item in world.catalogue.items]
        self._rows = {item_id: row for row, item_id in enumerate(self._ids)}
        self._met: defaultdict[str, set[str]] = defaultdict(set)  # since the first morning
        self._last: dict[str, tuple[bool, list[str]]] = {}  # whether they acted on it, and the list

    def live(self, day: int) -> Lived:
        """One day, from 0."""
        today = self._plan.past_days + day
        if day:
            self._service.put_items(self.life.arrivals(today))
        self._service.look()
        sittings = self.life.sittings(today, self._plan.visits_a_day)
        lived = [self._sit(number, who, day, rng) for number, (who, rng) in enumerate(sittings)]
        self._service.look()
        return Lived.of(lived)

    def _sit(self, number: int, user_rows: IntArray, day: int, rng: np.random.Generator) -> Lived:
        today, people = self._plan.past_days + day, self.life.world.people.user_ids
        names = [people[row] for row in user_rows]
        answers = [self._answer(name) for name in names]
        slates = np.full((len(names), self._plan.places), -1)
        for row, answer in zip(slates, answers, strict=True):
            row[: len(answer.found)] = [self._rows[item.item_id] for item in answer.found]
        gains = self.life.gain(user_rows, slates, today)
        best = self.life.best(user_rows, today, self._plan.places)
        reactions = self.life.react(user_rows, slates, today, rng)
        starts_ms = np.full(len(names), moment_ms(today + NOON) + number * BETWEEN_SITTINGS_MS)
        events = list(self._events(reactions, answers, starts_ms, rng))
        changed = self._noted(names, answers, {event.user_id for event in events})
        effect = self._told(events)
        days = np.full(len(names), day)
        return Lived(days, user_rows, slates, gains, best, reactions.opened.sum(axis=1), changed, effect)

    def _answer(self, user_id: str) -> Answer:
        if self._memory == "seen":
            met = frozenset(self._met[user_id])
            return self._service.ask_as_before(Query(user=user_id, n=self._plan.places, without=met))
        return self._service.ask(Query(user=user_id, n=self._plan.places))

    def _events(
        self, reactions: Reactions, answers: Sequence[Answer], starts_ms: IntArray, rng: np.random.Generator
    ) -> Iterator[StoredEvent]:
        """Each with the list that it came of, and its place there."""
        people = self.life.world.people.user_ids
        listed = {
            (user, row): (answer.request_id, place)
            for user, rows, answer in zip(reactions.user_rows.tolist(), reactions.item_rows, answers, strict=True)
            for place, row in enumerate(rows.tolist(), start=1)
        }
        happened = reactions.events(starts_ms, rng).sort("time_ms", maintain_order=True)
        for user, item, kind, value, time_ms in happened.rows():
            if kind != NOT_TOLD:
                request_id, place = listed[user, item]
                who, what = people[user], self._ids[item]
                yield StoredEvent(who, what, kind, value, time_ms, request_id=request_id, position=place)

    def _noted(self, names: Sequence[str], answers: Sequence[Answer], acted: set[str]) -> FloatArray:
        """Remember the lists; whether each differs from the one before it."""
        changed = np.full(len(names), np.nan)
        for place, (name, answer) in enumerate(zip(names, answers, strict=True)):
            listed = [item.item_id for item in answer.found]
            before = self._last.get(name)
            if before is not None and before[0]:
                changed[place] = float(before[1] != listed)
            self._last[name] = name in acted, listed
        return changed

    def _told(self, events: Sequence[StoredEvent]) -> list[float]:
        """Hand events in; how long until one of the people would be shown a list that knows of theirs."""
        for event in events:
            self._met[event.user_id].add(event.item_id)
        if not events:
            return []
        started_s = time.perf_counter()
        self._service.tell(events)
        self._service.list_of(events[-1].user_id, self._plan.places)
        return [(time.perf_counter() - started_s) * 1000]


def live_apart(
    plan: Plan, world: World, way: Way, folder: Path, progress: Progress = silent, kind: type[Service] = Service
) -> Lived:
    """All days of a world of its own, served in one way, by a service of that `kind`."""
    service = kind(folder, Life(world, plan.past_days).past(), plan.seed)
    try:
        loop, lived = Loop(plan, world, service, way.memory), []
        for day in track(range(plan.days), f"living with {way.name}", plan.days, progress):
            if day == 0 or (plan.refit_every and day % plan.refit_every == 0):
                version = service.fit(way.recipe)
                service.look()
                if way.memory == "stale":
                    service.forget_updates(version)
            lived.append(loop.live(day))
    finally:
        service.close()
    return Lived.of(lived)
