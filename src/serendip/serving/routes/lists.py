"""Lists: recommendations, similar items, rankings, trends, and what was shown before."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi import Query as InUrl

from serendip.data import Query, Recommendation
from serendip.data.times import rfc3339
from serendip.serving.asked import Asked
from serendip.serving.bodies import Ask, ListAnswer, RankAsk, Shown, SimilarAsk
from serendip.serving.control.trying import described
from serendip.serving.engine import Answer
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Limit, Live, PathId

router = APIRouter(prefix="/v1", tags=["lists"], route_class=JsonRoute)


@router.post("/recommendations", response_model=ListAnswer, response_model_exclude_unset=True)
async def recommend(engine: Live, body: Ask) -> JsonAnswer:
    """A list for a person, a history or a stranger.

    Nothing known, nothing left after filters, or nothing that works is never an error: `warnings` and `degraded`
    say so.
    """
    return _rendered(await engine.answer(Asked("recommendations", body.query())), body.include)


@router.post("/similar", response_model=ListAnswer, response_model_exclude_unset=True)
async def similar(engine: Live, body: SimilarAsk) -> JsonAnswer:
    """Items that people who want this item want too."""
    return _rendered(await engine.answer(Asked.similar_to(body.item_id, body.query())), body.include)


@router.post("/rank", response_model=ListAnswer, response_model_exclude_unset=True)
async def rank(engine: Live, body: RankAsk) -> JsonAnswer:
    """The given items in the order of the person's taste; unknown ones come last."""
    return _rendered(await engine.answer(Asked("rank", body.query(), item_ids=tuple(body.item_ids))), body.include)


@router.get("/trending", response_model=ListAnswer, response_model_exclude_unset=True)
async def trending(
    engine: Live,
    limit: Limit = 10,
    include: Annotated[list[Literal["attributes", "reasons"]], InUrl()] = [],  # noqa: B006 - FastAPI copies it
) -> JsonAnswer:
    """What a stranger is shown: the same list for everybody."""
    asked = Asked("recommendations", Query(n=limit, personalization=False, surface="trending"))
    return _rendered(await engine.answer(asked), include)


@router.get("/recommendations/{request_id}", response_model=Shown, response_model_exclude_unset=True)
def shown(
    engine: Live,
    request_id: PathId,
    include: Annotated[list[Literal["attributes"]], InUrl()] = [],  # noqa: B006 - FastAPI copies it
) -> JsonAnswer:
    """What was shown in answer to an earlier request of any kind, and how it came about.

    `replay` answers the request again, with the model and the history of then: what each source proposed, which filter
    dropped what, what each source added to a score, and where re-ranking moved an item.
    """
    exposure = engine.exposures.get(request_id)
    if exposure is None:
        raise Refused("not-found", f"no list with the request id {request_id!r} is known")
    replayed = engine.replays.of(exposure)
    answer: dict[str, Any] = {
        "request_id": exposure.request_id,
        "user_id": exposure.user_id,
        "time": rfc3339(exposure.time_ms),
        "surface": exposure.surface,
        "model_version": exposure.model_version,
        "recipe": exposure.recipe,
        "experiment": exposure.experiment,
        "arm": exposure.arm,
        "items": exposure.items,
        "replay": replayed.to_json(),
    }
    if include:
        answer["attributes"] = described(replayed.trace, [item["item_id"] for item in exposure.items], engine.store)
    return JsonAnswer(answer)


def _rendered(answer: Answer, include: Collection[str]) -> JsonAnswer:
    content = {
        "request_id": answer.request_id,
        "model_version": answer.model_version,
        "degraded": answer.found.degraded,
        "warnings": answer.found.warnings,
        "took_ms": round(answer.took_ms, 3),
        "items": [listed(item, include) for item in answer.found],
    }
    return JsonAnswer(content)


def listed(item: Recommendation, include: Collection[str]) -> dict[str, Any]:
    """An item of a list, with what `include` asks for."""
    rendered: dict[str, Any] = {
        "item_id": item.item_id,
        "rank": item.rank,
        "score": float(item.score),
        "source": item.source,
        "propensity": item.propensity,
        "exploration": item.exploration,
    }
    if "reasons" in include:
        rendered["reasons"] = [
            {
                "code": reason.code,
                "text": reason.text,
                "contribution": float(reason.contribution),
                "evidence": reason.evidence,
            }
            for reason in item.reasons
        ]
    if "attributes" in include:
        rendered["attributes"] = item.attributes
    return rendered
