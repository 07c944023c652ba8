"""Bodies of what is asked and told about models: versions, training, evaluation, drift."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from serendip.serving.bodies import Answered, Body
from serendip.serving.recipe_bodies import Estimated, RecipeBody


class Promotion(Body):
    version: str = Field(min_length=1, max_length=100)
    """One of `GET /v1/models`."""


class Promoted(Answered):
    version: str
    answers: bool
    """Whether it answers here already; where it cannot be loaded, `GET /v1/alerts` says so."""


class ModelVersion(Answered):
    version: str
    current: bool
    recipe: str | None
    """Its name; null where the card of the model cannot be read."""
    fitted_at: str | None
    size_mb: float


class TrainingRound(Answered):
    """What came of a round of training."""

    outcome: Literal["promoted", "held", "skipped", "failed"]
    why: str
    started_at: str
    seconds: float
    events_to: int
    """The number of the last event of the log when it began."""
    champion: str | None
    """The version that was in service."""
    version: str | None
    """The new version, where it took over."""
    peak_mb: float | None
    verdict: dict[str, Any] | None
    """NDCG@10 of both on the most recent events, the difference, and both for parts of people and items, with 95 %
    intervals over people."""


class ChangeMade(Answered):
    place: list[str]
    """Where it stands, such as `["sources", "ease", "weight"]`."""
    before: Any
    after: Any


class PutInService(Answered):
    """When a model began to answer, and who put it there."""

    version: str
    at: str
    how: Literal["fit", "training", "recipe", "choice", "erasure"]
    """By `serendip fit`, by a round of training, as another recipe over the same fit, by choice among those that were
    there, or as the one before without somebody who was erased."""
    by: str | None
    """The id of the key; null without one."""
    before: str | None
    """The version that answered until then."""
    recipe: str
    """As TOML."""
    there: bool
    """Whether it can be promoted again."""
    changes: list[ChangeMade]
    """What became another in the recipe."""


class ModelPage(Answered):
    data: list[ModelVersion]
    """Oldest first."""
    rounds: list[TrainingRound]
    """Oldest first."""
    history: list[PutInService]
    """Newest first."""


class TrainBody(RecipeBody):
    """What is fitted; without a recipe the one that is due: that in service where somebody put it there, else that of
    the settings."""

    anyway: bool = False
    """Promote the new model although it is not better, or although nothing came since to compare by."""


class UnderwayTold(Answered):
    """A round of training that goes on."""

    started_at: str
    why: str
    by: str | None
    """The id of the key with which it was asked for; null: by the clock, without a key, or at the command line."""
    recipe: str
    """Empty: the one that was due."""
    events_to: int
    champion: str | None
    step: str
    """`starting`, `reading the store`, `fitting`, `comparing` or `saving`."""
    label: str
    """What is being done in that step."""
    done: int
    total: int
    """0: nobody knows how much there is to do."""


class Begun(Answered):
    running: UnderwayTold | None
    """null where it is over already, or still begins: `GET /v1/models/training` tells how far it is."""


class TrainingNow(Answered):
    running: UnderwayTold | None
    """Of whichever process, on this machine."""
    last: TrainingRound | None
    events_since: int | None
    """Events that the model in service has not learned; null where nobody knows."""
    every_h: float
    """A round begins by itself after so many hours, where there are new events; 0: never."""
    every_events: int


class Evaluation(Body):
    version: str = Field(min_length=1, max_length=100)
    """One of `GET /v1/models`."""


class PartTold(Answered):
    by: Literal["history", "popularity"]
    """`history`: by how many items were known of a person. `popularity`: by what is right: the fifth of items that most
    people wanted before (`head`), the others (`tail`), those nobody had wanted (`new`)."""
    name: str
    people: int
    figures: list[Estimated]
    """NDCG@10: of the model; in a verdict of the champion, then of the challenger."""


class ExamTold(Answered):
    """How well a model foretold the latest events, of which it had learned none."""

    at: str
    events: int
    people: int
    metrics: dict[str, Estimated]
    """With 95 % intervals over people."""
    parts: list[PartTold]


class CurveTold(Answered):
    """How one course of learning by gradient went, epoch by epoch."""

    source: str
    label: str
    losses: list[float]
    grades: list[float]
    """On what was withheld, larger is better; empty where nothing was."""


class ModelTold(Answered):
    """All that is known of one model."""

    version: str
    current: bool
    recipe: str | None
    """Its name; null where the card cannot be read."""
    fitted_at: str | None
    size_mb: float
    toml: str
    data: dict[str, Any] | None
    """What it learned from: sizes, and from when to when."""
    fit_seconds: dict[str, float]
    peak_mb: float | None
    versions: dict[str, str]
    """Of the packages it was fitted with."""
    parameters: dict[str, int]
    """Numbers that each source has learned."""
    curves: list[CurveTold]
    verdict: dict[str, Any] | None
    """How it did against the model before it, where it was trained beside the service."""
    exam: ExamTold | None
    """The last `POST /v1/models:evaluate`."""
    events_to: int | None
    """The number of the last event that it learned."""


class RaisedAlert(Answered):
    code: Literal["model_damaged", "training_failed", "drift_items", "drift_types", "drift_scores", "model_old"]
    detail: str
    value: float | None
    limit: float | None
    """What the value should stay below."""


class DriftIndex(Answered):
    """A population stability index."""

    index: float
    limit: float
    """Beyond it is a shift that is no accident."""


class AlertPage(Answered):
    data: list[RaisedAlert]
    drift: dict[str, DriftIndex]
    """Of `items`, `types` and `scores`, as far as enough is known."""
