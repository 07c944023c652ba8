"""Lists of gorse: recommendations, sessions, neighbours, what is popular and what is new."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi import Query as InUrl
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from serendip.data import Query, Recommendations
from serendip.data.gorse import feedback_id
from serendip.data.query import Id
from serendip.serving.access import EVENTS, Access
from serendip.serving.asked import Asked
from serendip.serving.engine import Engine
from serendip.serving.gorse.bodies import GorseScore, GorseSessionFeedback
from serendip.serving.gorse.feedback import record
from serendip.serving.gorse.newest import ByTime
from serendip.serving.gorse.paging import MOST, Number, Offset
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Live, PathId
from serendip.store import StoredEvent

router = APIRouter(prefix="/api", tags=["gorse"], route_class=JsonRoute)

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNIT_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3, "h": 3_600e3}

Categories = Annotated[list[str], InUrl(alias="category", max_length=20, description="All of which an item has.")]
Reader = Annotated[Id | None, InUrl(alias="user-id", description="Whose items are left out.")]
Version = Annotated[str, Header(alias="X-API-Version", description="2: with scores.")]
Session = Annotated[list[GorseSessionFeedback], Field(max_length=10_000)]


@dataclass(frozen=True)
class WriteBack:
    """Which feedback is written for what is listed, and how long after now it is dated."""

    type: str
    delay_ms: int


async def _write_back(
    request: Request,
    type_: Annotated[str, InUrl(alias="write-back-type", max_length=64)] = "",
    delay: Annotated[str, InUrl(alias="write-back-delay", max_length=64, description="Such as 10m or 1h30m.")] = "",
) -> WriteBack | None:
    """What a request wants written, if it may write.

    A foreign page can make a browser send this GET, but not with a header of its own; gorse's clients always do.
    """
    if not type_:
        return None
    access: Access = request.app.state.access
    await access.check(request.scope, EVENTS)
    if not {"x-api-key", "authorization"} & set(request.headers):
        raise Refused(
            "invalid-request", "write-back-type needs the header X-API-Key, of any value while there is no key"
        )
    return WriteBack(type_, _milliseconds(delay))


Back = Annotated[WriteBack | None, Depends(_write_back)]


@router.get("/recommend/{user_id}", response_model=list[GorseScore] | list[str])
async def recommend(
    engine: Live,
    user_id: PathId,
    back: Back,
    category: Categories = [],  # noqa: B006 - FastAPI copies it
    n: Number = 10,
    offset: Offset = 0,
    version: Version = "",
) -> JsonAnswer:
    """A list for a person: ids, or with `X-API-Version: 2` ids and scores."""
    query = _query(n, offset, category, user=user_id, surface="gorse")
    answer = await engine.answer(Asked("recommendations", query))
    listed = _listed(answer.found, offset)
    if back is not None:
        shown = StoredEvent(user_id, "", back.type, time_ms=_after(back.delay_ms), request_id=answer.request_id)
        events = [_shown(shown, one["Id"], place) for place, one in enumerate(listed, offset + 1)]
        await run_in_threadpool(record, engine, events)
    return JsonAnswer(listed if version == "2" else [one["Id"] for one in listed])


@router.get("/recommend/{user_id}/{category}", response_model=list[GorseScore] | list[str])
async def recommend_in_category(
    engine: Live,
    user_id: PathId,
    category: PathId,
    back: Back,
    n: Number = 10,
    offset: Offset = 0,
    version: Version = "",
) -> JsonAnswer:
    """A list for a person out of one category."""
    return await recommend(engine, user_id, back, [category], n, offset, version)


@router.post("/session/recommend", response_model=list[GorseScore])
async def recommend_for_session(engine: Live, body: Session, n: Number = 10, offset: Offset = 0) -> JsonAnswer:
    """A list for what somebody did just now."""
    return await _for_session(engine, body, [], n, offset)


@router.post("/session/recommend/{category}", response_model=list[GorseScore])
async def recommend_for_session_in_category(
    engine: Live, category: PathId, body: Session, n: Number = 10, offset: Offset = 0
) -> JsonAnswer:
    """A list for what somebody did just now, out of one category."""
    return await _for_session(engine, body, [category], n, offset)


@router.get("/item/{item_id}/neighbors", response_model=list[GorseScore])
async def neighbors(engine: Live, item_id: PathId, n: Number = 10, offset: Offset = 0) -> JsonAnswer:
    """Items that people who want this one want too."""
    return await _similar(engine, item_id, [], n, offset)


@router.get("/item/{item_id}/neighbors/{category}", response_model=list[GorseScore])
async def neighbors_in_category(
    engine: Live, item_id: PathId, category: PathId, n: Number = 10, offset: Offset = 0
) -> JsonAnswer:
    """Items of one category that people who want this one want too."""
    return await _similar(engine, item_id, [category], n, offset)


@router.get("/item-to-item/{name}/{item_id}", response_model=list[GorseScore])
async def item_to_item(
    engine: Live,
    name: PathId,
    item_id: PathId,
    category: Categories = [],  # noqa: B006 - FastAPI copies it
    n: Number = 10,
    offset: Offset = 0,
) -> JsonAnswer:
    """The same under whatever name."""
    return await _similar(engine, item_id, category, n, offset)


@router.get("/popular", response_model=list[GorseScore])
async def popular(
    engine: Live,
    category: Categories = [],  # noqa: B006 - FastAPI copies it
    n: Number = 10,
    offset: Offset = 0,
    user_id: Reader = None,
) -> JsonAnswer:
    """What a stranger is shown."""
    query = _query(n, offset, category, user=user_id, personalization=False, surface="popular")
    return await _answered(engine, Asked("recommendations", query), offset)


@router.get("/popular/{category}", response_model=list[GorseScore])
async def popular_in_category(
    engine: Live, category: PathId, n: Number = 10, offset: Offset = 0, user_id: Reader = None
) -> JsonAnswer:
    """What a stranger is shown out of one category."""
    return await popular(engine, [category], n, offset, user_id)


@router.get("/non-personalized/{name}", response_model=list[GorseScore])
async def non_personalized(
    engine: Live,
    name: PathId,
    category: Categories = [],  # noqa: B006 - FastAPI copies it
    n: Number = 10,
    offset: Offset = 0,
    user_id: Reader = None,
) -> JsonAnswer:
    """What a stranger is shown, under whatever name."""
    return await popular(engine, category, n, offset, user_id)


@router.get("/latest", response_model=list[GorseScore])
def latest(
    engine: Live,
    newest: ByTime,
    category: Categories = [],  # noqa: B006 - FastAPI copies it
    n: Number = 10,
    offset: Offset = 0,
    user_id: Reader = None,
) -> JsonAnswer:
    """The newest items that say their time; the score is that time in seconds since 1970."""
    wanted = {one for one in category if one}
    known = {event.item_id for event in engine.histories(user_id)} if user_id is not None else set[str]()
    fit = (item for item in newest() if wanted <= item.categories and item.item_id not in known)
    listed = islice(engine.rules.sifted(fit, "latest", lambda item: item.item_id), offset, offset + n)
    return JsonAnswer([{"Id": item.item_id, "Score": item.time_ms / 1000} for item in listed])


@router.get("/latest/{category}", response_model=list[GorseScore])
def latest_in_category(
    engine: Live, newest: ByTime, category: PathId, n: Number = 10, offset: Offset = 0, user_id: Reader = None
) -> JsonAnswer:
    """The newest items of one category."""
    return latest(engine, newest, [category], n, offset, user_id)


async def _for_session(
    engine: Engine, body: Sequence[GorseSessionFeedback], category: Sequence[str], n: int, offset: int
) -> JsonAnswer:
    events = sorted((feedback.event() for feedback in body), key=lambda event: event.timestamp or 0)
    query = _query(n, offset, category, history=tuple(events), surface="session")
    return await _answered(engine, Asked("recommendations", query), offset)


async def _similar(engine: Engine, item_id: str, category: Sequence[str], n: int, offset: int) -> JsonAnswer:
    query = _query(n, offset, category, surface="neighbors")
    return await _answered(engine, Asked.similar_to(item_id, query), offset)


async def _answered(engine: Engine, asked: Asked, offset: int) -> JsonAnswer:
    answer = await engine.answer(asked)
    return JsonAnswer(_listed(answer.found, offset))


def _query(n: int, offset: int, categories: Sequence[str], **others: Any) -> Query:
    if offset + n > MOST:
        raise Refused("invalid-request", f"offset and n together are at most {MOST:,}")
    return Query(n=offset + n, filter=_all_of(categories), **others)


def _all_of(categories: Sequence[str]) -> str:
    """The condition that an item is of every category."""
    return " and ".join(f"category == '{_escaped(category)}'" for category in categories if category)


def _escaped(text: str) -> str:
    return re.sub(r"(['\\])", r"\\\1", text)


def _listed(found: Recommendations, offset: int) -> list[dict[str, Any]]:
    return [{"Id": item.item_id, "Score": float(item.score)} for item in islice(found, offset, None)]


def _shown(event: StoredEvent, item_id: str, place: int) -> StoredEvent:
    said = (event.type, event.user_id, item_id, None, event.time_ms)
    event_id = feedback_id(*said, adds=False, note=event.request_id)
    return replace(event, item_id=item_id, event_id=event_id, position=place)


def _after(delay_ms: int) -> int:
    return time.time_ns() // 1_000_000 + delay_ms


def _milliseconds(duration: str) -> int:
    """A duration as Go writes it, such as `1h30m` or `0.5s`."""
    if duration in ("", "0"):
        return 0
    parts = _DURATION.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration:
        raise Refused("invalid-request", "write-back-delay is not a duration such as 10m or 1h30m")
    return round(min(sum(float(number) * _UNIT_MS[unit] for number, unit in parts), 1e15))
