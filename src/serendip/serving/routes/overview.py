"""Overview: how the service fares, on one page."""

from __future__ import annotations

from fastapi import APIRouter, Request

from serendip.serving.bodies import Answered
from serendip.serving.wire import Control, JsonAnswer, JsonRoute, Live

router = APIRouter(prefix="/v1", tags=["operation"], route_class=JsonRoute)


class Minute(Answered):
    minute: str
    events: int


class Arrivals(Answered):
    """Events by the minute in which they came in; minutes without any are left out."""

    since: str
    most: int
    """So many of the latest events were looked at."""
    minutes: list[Minute]


class TimesTold(Answered):
    """Read between the bounds of a histogram; null lies beyond the last of them."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class RouteTold(TimesTold):
    method: str
    route: str
    refused: int
    """Answered with a status of 400 to 499."""
    failed: int
    """Answered with a status of 500 or more."""


class ModelInService(Answered):
    version: str
    recipe: str
    fitted_at: str


class ExposureTold(Answered):
    """Of the latest lists."""

    items: int
    """On offer."""
    coverage: float | None
    """The share of them that was listed at least once."""
    gini: float | None
    """How unevenly they were listed: 0 all alike, towards 1 one has it all."""
    fresh_share: float
    """The share of the places given to items that the model in service has not learned from."""


class SurfaceTold(Answered):
    """Of the latest lists on one surface."""

    surface: str
    people: int
    lists: int
    mean: float
    """The share of lists that led to something wanted."""
    low: float | None
    """The interval may be looked at at any time; null until there is enough to tell."""
    high: float | None


class OverviewTold(Answered):
    """What is counted is counted since the processes began; the rest is read from the store."""

    counts: dict[str, int]
    """Sizes: people are `users`."""
    arrivals: Arrivals
    routes: list[RouteTold]
    effect: TimesTold | None
    """From an event's receipt to the first list it counted in."""
    answers: dict[str, int]
    """Lists by who made them: all but `current` are fallbacks."""
    model: ModelInService | None
    lists: int
    """The latest, which `exposure` and `surfaces` are read from."""
    lists_since: str | None
    exposure: ExposureTold | None
    surfaces: list[SurfaceTold]


@router.get("/overview", response_model=OverviewTold)
def overview(request: Request, engine: Live, control: Control) -> JsonAnswer:
    """How much there is, how quick and how sound the answers are, and what comes of them."""
    return JsonAnswer(control.overview.read((request.app.state.siblings or engine.metrics).text()))
