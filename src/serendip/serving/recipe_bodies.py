"""Bodies of what is asked and told about the recipe in service and what its stages do."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from serendip.serving.bodies import Answered, Body
from serendip.serving.control.rehearsal import MOST_PEOPLE


class Estimated(Answered):
    """A mean and its 95 % interval; null where there is nothing to tell it from."""

    mean: float | None
    low: float | None
    high: float | None


class RecipeBody(Body):
    """A recipe, as a table or as TOML."""

    recipe: dict[str, Any] | None = None
    """As `json_schema` of `GET /v1/recipe` has it."""
    toml: str | None = Field(None, max_length=65_536)
    """The same as text; one of both is given."""


class DryRunBody(RecipeBody):
    people: int = Field(30, ge=1, le=MOST_PEOPLE)
    """How many it is tried on: of those who did something last."""


class RecipeChange(RecipeBody):
    version: str = Field(min_length=1, max_length=100)
    """The model in service that this was made for; where another is by now, nothing is done."""


class RecipeTold(Answered):
    """The recipe in service."""

    version: str | None
    """The model that answers by it; null where none was trained: it is the one that the first would be fitted with."""
    recipe: dict[str, Any]
    toml: str
    json_schema: dict[str, Any]
    """What a recipe may hold, with a description of each value (JSON Schema)."""
    models: list[str]
    """What sources may be."""
    recipes: list[str]
    """The recipes that come with the package."""


class ChangeTold(Answered):
    place: list[str]
    """Where it stands, such as `["sources", "ease", "weight"]`: sources go by their names."""
    before: Any
    """null where there was nothing."""
    after: Any
    fit: str
    """Why it needs a new fit; empty where it can be put in service as it is."""


class Checked(Answered):
    """A recipe that makes sense, and what is another in it."""

    version: str | None
    changes: list[ChangeTold]
    needs_fit: str
    """Why it must be trained before it can answer; empty where it need not."""
    recipe: dict[str, Any]
    toml: str


class PairTold(Answered):
    user_id: str
    before: list[str]
    after: list[str]


class DryRun(Answered):
    """How lists of ten would change. Nothing is logged, and nothing is put in service."""

    version: str
    people: int
    wanted: int
    """People that were to be tried: where there are more than `people`, there was no time for the others."""
    latest_events: int
    """The people are spread over those of so many of the latest events."""
    changed: Estimated
    """The share whose list is not the same in the same order, with its 95 % interval (Wilson)."""
    overlap: Estimated
    """The share of items that are in both lists, with its 95 % interval over people."""
    distinct_before: int
    """Items that are in any of the lists."""
    distinct_after: int
    items: int
    """On offer; those that came after the fit take no part."""
    ms_before: float | None
    """The median time of a list."""
    ms_after: float | None
    shown: list[PairTold]
    """Some of the people, those with the most changes first."""
    attributes: dict[str, dict[str, Any]]
    """Of the items shown, by id."""


class SourceCounted(Answered):
    name: str
    proposed: float
    dropped: float
    """Of these, what the filters do not let through."""


class FilterCounted(Answered):
    name: str
    dropped: float
    """Candidates of any source."""
    lets_through: float
    """Items of the whole catalogue."""


class StagesCounted(Answered):
    """On average over the people."""

    people: int
    events: float
    """Of the history that counts."""
    items: int
    """On offer."""
    sources: list[SourceCounted]
    filters: list[FilterCounted]
    blended: float
    considered: float
    """What re-ranking chooses from."""
    moved: float
    """Items of the list that stand elsewhere than the blend had them."""
    listed: float


class StageTimed(Answered):
    stage: str
    count: int
    """Lists."""
    p50_ms: float | None
    """Read between the bounds of a histogram, as the other two; null where it lies beyond the last of them."""
    p95_ms: float | None
    p99_ms: float | None


class PipelineTold(Answered):
    """What each stage of the lists does."""

    version: str | None
    recipe: str | None
    exploring: bool
    """Whether places are given by chance now; a service stops that where it costs too much."""
    latest_events: int
    """Counts are averages over people of so many of the latest events, who are asked for again at most twice a
    minute."""
    counts: StagesCounted | None
    """null where there is no model, or nobody did anything yet."""
    times: list[StageTimed]
    """Of all lists since the service started, all of its processes together, in order."""
