"""Trials: the list that somebody would get now and how it comes about, for whoever looks after the service."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from serendip.data.query import Id
from serendip.pipeline.tracing import Trace
from serendip.serving.asked import Asked
from serendip.serving.bodies import Answered, Ask, ListedItem
from serendip.serving.control.trying import described
from serendip.serving.routes.lists import listed
from serendip.serving.wire import Control, JsonAnswer, JsonRoute, Live

router = APIRouter(prefix="/v1", tags=["lists"], route_class=JsonRoute)


class TrialAsk(Ask):
    """Who would ask for a list, and under which rules."""

    item_id: Id | None = None
    """Where it is given: what is similar to this item, as `POST /v1/similar` has it."""


class TrialTold(Answered):
    """A list that nobody was shown, and its way."""

    model_version: str | None
    """null: there is no model that answers."""
    recipe: str | None
    arm: str | None
    """Of the experiment that the person takes part in."""
    degraded: list[str]
    warnings: list[str]
    notes: list[str]
    """What would be otherwise in a real answer."""
    took_ms: float
    items: list[ListedItem]
    trace: Trace | None
    """What each source proposed, which filter dropped what, what each source added, and what was moved."""
    attributes: dict[str, dict[str, Any]] | None = None
    """Where `include` asks for them: of what each step begins with, by item id."""


@router.post("/recommendations:trace", response_model=TrialTold, response_model_exclude_unset=True)
def trace(engine: Live, control: Control, body: TrialAsk) -> JsonAnswer:
    """The list as it would be now, with all that was decided on the way; it is not logged and counts nowhere.

    Nothing is left to chance, so that the same question has the same answer.
    """
    query = body.query()
    asked = Asked("recommendations", query) if body.item_id is None else Asked.similar_to(body.item_id, query)
    tried = control.trials.of(asked)
    answer: dict[str, Any] = {
        "model_version": tried.model_version,
        "recipe": tried.recipe,
        "arm": tried.arm,
        "degraded": [*engine.deployment.trouble, *tried.found.degraded],
        "warnings": tried.found.warnings,
        "notes": tried.notes,
        "took_ms": round(tried.took_ms, 3),
        "items": [listed(item, body.include - {"attributes"}) for item in tried.found],
        "trace": tried.trace,
    }
    if "attributes" in body.include:
        answer["attributes"] = described(tried.trace, tried.found.item_ids, engine.store)
    return JsonAnswer(answer)
