"""Experiments: who takes part in one, and whose lists they are answered with.

A person in an experiment is told from their id alone, so that all processes agree and nothing is written down. What was
shown is logged with the experiment and the arm; results are read from that log and from events that name the lists.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from serendip.data import InputError, Recommendation, Recommendations
from serendip.evaluation.experiments import Results, Stretch, arm_of, results, spot, team_draft
from serendip.evaluation.experiments.assignment import LAYER
from serendip.serving.asked import Asked
from serendip.serving.deployment import Deployment
from serendip.serving.watching import Watcher
from serendip.store import Arm, Comparison, Experiment, Workspace

LOOK_EVERY_S = 1.0
FEWEST_ARMS, MOST_ARMS = 2, 8
MODEL_GONE = "a model of it is not there any more: somebody whom it knew was erased, or its folder was removed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """The part that a person takes in an experiment."""

    experiment: Experiment
    arm: Arm | None
    """None: both arms are interleaved in their lists."""


class Experiments(Watcher):
    """The experiments that run, looked up again every moment; their models are held ready beside the current one."""

    def __init__(self, workspace: Workspace, deployment: Deployment) -> None:
        self._workspace, self._deployment = workspace, deployment
        self._running: tuple[tuple[Experiment, Stretch], ...] = ()
        super().__init__("experiments", LOOK_EVERY_S)
        self.look()

    def look(self) -> None:
        """Take up experiments that were started, by any process, and drop those that were stopped."""
        try:
            running = [one for one in self._workspace.store.experiments(running=True) if self._is_whole(one)]
        except Exception as error:
            _log.warning("experiments cannot be read, those that run go on: %s", error)
            return
        needed = {arm.model_version for one in running for arm in one.arms if arm.model_version is not None}
        self._deployment.serve_beside(needed)
        self._running = tuple((one, stretch(one)) for one in running)

    def _is_whole(self, experiment: Experiment) -> bool:
        """Whether the models of all arms are there; an experiment that lost one is over."""
        there = self._workspace.versions()
        if all(arm.model_version is None or arm.model_version in there for arm in experiment.arms):
            return True
        if self._workspace.store.stop_experiment(experiment.id, MODEL_GONE):
            _log.warning("the experiment %s is stopped: %s", experiment.id, MODEL_GONE)
        return False

    def of(self, asked: Asked) -> Part | None:
        """The part that whoever asks takes; strangers and people who want no personalisation take none."""
        query = asked.query
        if not self._running or asked.kind != "recommendations" or query.user is None or not query.personalization:
            return None
        where = spot(LAYER, query.user)
        for experiment, mine in self._running:
            if mine.begin <= where < mine.end:
                if experiment.surface not in (None, query.surface):
                    return None
                if experiment.kind == "interleaving":
                    return Part(experiment, None)
                return Part(experiment, experiment.arms[arm_of(query.user, experiment.id, mine.shares)])
        return None


def stretch(experiment: Experiment) -> Stretch:
    """Whose spot lies where belongs to it."""
    shares = tuple(arm.share for arm in experiment.arms)
    return Stretch(experiment.id, experiment.begins, experiment.begins + experiment.traffic, shares)


def interleaved(
    arms: Sequence[Arm], found: Sequence[Recommendations], n: int
) -> tuple[Recommendations, dict[str, str]]:
    """One list of the lists of two arms, each item with the chance of its place, and the arm of each item."""
    sides = tuple([item.item_id for item in one] for one in found)
    known: Mapping[str, Recommendation] = {item.item_id: item for one in reversed(found) for item in one}
    coin = Random(secrets.randbits(64))
    drafted = team_draft((sides[0], sides[1]), n, lambda: coin.random() < 0.5)
    items = tuple(
        replace(known[one.item_id], rank=rank, propensity=one.chance) for rank, one in enumerate(drafted, start=1)
    )
    warnings = tuple(dict.fromkeys(said for one in found for said in one.warnings)) if not items else ()
    degraded = tuple(dict.fromkeys(said for one in found for said in one.degraded))
    told = Recommendations(items, warnings or found[0].warnings, degraded, found[0].position)
    return told, {one.item_id: arms[one.side].name for one in drafted}


def begin(
    workspace: Workspace,
    name: str,
    arms: Sequence[Arm],
    kind: Comparison = "split",
    traffic: float = 1.0,
    worth: float = 0.01,
    surface: str | None = None,
) -> Experiment:
    """Start an experiment; services on the workspace take it up within seconds.

    Args:
        arms: the control first.
        traffic: the share of people who take part.
        worth: the smallest difference worth knowing, as a share of lists.

    Raises:
        InputError: it makes no sense, a model is not on the shelf, or too many people are in other experiments.
    """
    if not FEWEST_ARMS <= len(arms) <= MOST_ARMS or len({arm.name for arm in arms}) < len(arms):
        raise InputError(f"an experiment needs {FEWEST_ARMS} to {MOST_ARMS} arms with names of their own")
    if kind == "interleaving" and len(arms) != 2:
        raise InputError("two lists can be interleaved, no more")
    if not 0 < traffic <= 1 or not 0 < worth < 1:
        raise InputError("traffic must be above 0 and at most 1, and the difference worth knowing between 0 and 1")
    if not all(0 < arm.share <= 1_000 for arm in arms):
        raise InputError("the share of an arm must be above 0 and at most 1000")
    if workspace.current_model() is None:
        raise InputError("there is no model yet")
    there = workspace.versions()
    for arm in arms:
        if arm.model_version is not None and arm.model_version not in there:
            raise InputError(f"there is no model {arm.model_version!r}; there are {', '.join(there)}")
    plan = Experiment(
        secrets.token_hex(6),
        name,
        kind,
        tuple(arms),
        traffic,
        worth,
        time.time_ns() // 1_000_000,
        surface,
    )
    return workspace.store.start_experiment(plan)


def find(workspace: Workspace, id_or_name: str) -> Experiment | None:
    """By id, or the newest of a name."""
    known = workspace.store.experiments()
    return next((one for one in reversed(known) if id_or_name in (one.id, one.name)), None)


def read(workspace: Workspace, experiment: Experiment) -> Results:
    """What it says so far."""
    lists, outcomes = workspace.store.experiment_log(experiment.id)
    arms = [(arm.name, arm.share) for arm in experiment.arms]
    return results(experiment.kind, lists, outcomes, arms, experiment.worth, workspace.settings.events)
