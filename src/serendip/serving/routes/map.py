"""Map: the best known items in two dimensions, and where somebody's taste lies among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as InUrl

from serendip.data import Query
from serendip.serving.bodies import Answered
from serendip.serving.control.item_maps import MOST, NEIGHBOURS, described
from serendip.serving.engine import Engine
from serendip.serving.wire import Control, JsonAnswer, JsonRoute, Live, PathId

router = APIRouter(prefix="/v1/map", tags=["map"], route_class=JsonRoute)

COLOURED_BY = ("category", "genres", "kind", "brand", "maker")
"""The first of these that any item has."""
PAST = 200
LISTED = 20


class PlacedItem(Answered):
    item_id: str
    x: float
    y: float
    attributes: dict[str, Any]
    """Its title, whether it has an image, and what colours it, in every language."""


class Quality(Answered):
    """How much of who is near whom the map keeps; two dimensions cannot keep all of it."""

    neighbours: int
    """How many of the nearest of each item are looked at."""
    kept: float
    """The share of them that are among as many nearest on the map."""
    trustworthiness: float
    """1 where nobody is near on the map who is not near in truth (Venna and Kaski, 2001)."""


class MapTold(Answered):
    """Items near each other are alike to the model; directions and distances far apart say little."""

    ready: bool
    """Whether it is there; else it is being made, or there is no model. Ask again in a second."""
    model_version: str | None
    """null: there is no model yet."""
    failed: bool
    """Whether the last try to make it failed; the log says why."""
    source: str | None = None
    """The source of the recipe whose vectors are shown; null where they are made of the attributes of items."""
    method: str | None = None
    coloured_by: str | None = None
    """An attribute; null where no item has any of those that are looked for."""
    of: int | None = None
    """How many items the map holds."""
    quality: Quality | None = None
    items: list[PlacedItem]
    """The best known first."""


class PastItem(Answered):
    item_id: str
    type: str
    signal: float
    """Above 0: wanted; below 0: not wanted."""


class TasteTold(Answered):
    """A person on the map."""

    user_id: str
    history: list[PastItem]
    """What they met that is on the map, the latest first, each item once."""
    history_elsewhere: int
    """What else they met of late, not among the best known."""
    items: list[str]
    """Of the list that they would get now, those on the map, best first; it is not logged."""
    items_elsewhere: int


@router.get("", response_model=MapTold)
def items(engine: Live, control: Control, limit: Annotated[int, InUrl(ge=1, le=MOST)] = 2_000) -> JsonAnswer:
    """The places of the best known items, from the vectors of the model in service.

    A map is made once for each model, when it is first asked for, which takes some seconds: until then `ready` is
    false.
    """
    current, found = engine.deployment.current, control.maps.current()
    version = None if current is None else current.version
    if found is None or current is None:
        return JsonAnswer({"ready": False, "model_version": version, "failed": control.maps.trouble, "items": []})
    attributes = described(current.pipeline, found.item_ids[:limit])
    by = next((name for name in COLOURED_BY if any(name in one for one in attributes.values())), None)
    placed = zip(found.item_ids, found.places, strict=True)
    listed = [
        {"item_id": item_id, "x": x, "y": y, "attributes": _shown(attributes[item_id], by)}
        for item_id, (x, y) in placed
        if item_id in attributes
    ]
    quality = {"neighbours": NEIGHBOURS, "kept": found.kept, "trustworthiness": found.trustworthiness}
    told = {"source": found.source, "method": "t-SNE", "coloured_by": by, "of": len(found.item_ids), "quality": quality}
    return JsonAnswer({"ready": True, "model_version": version, "failed": False, **told, "items": listed})


@router.get("/people/{user_id}", response_model=TasteTold)
def taste(engine: Live, control: Control, user_id: PathId) -> JsonAnswer:
    """Where the latest history of a person lies on the map, and the list that they would get now."""
    found = control.maps.current()
    there = frozenset(() if found is None else found.item_ids)
    past = _latest(engine, user_id)
    query = Query(user=user_id, n=LISTED)
    current = engine.deployment.current
    rules = engine.rules.now.on(query.surface)
    list_ids = [] if current is None else current.pipeline.recommend(query, rules=rules).item_ids
    told = {
        "user_id": user_id,
        "history": [one for one in past if one["item_id"] in there],
        "history_elsewhere": sum(one["item_id"] not in there for one in past),
        "items": [item_id for item_id in list_ids if item_id in there],
        "items_elsewhere": sum(item_id not in there for item_id in list_ids),
    }
    return JsonAnswer(told)


def _latest(engine: Engine, user_id: str) -> Sequence[Mapping[str, Any]]:
    """The latest event on each item, the latest first."""
    events = list(engine.store.history(user_id, PAST))
    signals = engine.workspace.settings.events.of([one.type for one in events], [one.value for one in events])
    latest = {
        event.item_id: {"item_id": event.item_id, "type": event.type, "signal": signal}
        for event, signal in zip(events, signals.tolist(), strict=True)
    }
    order = dict.fromkeys(event.item_id for event in reversed(events))
    return [latest[item_id] for item_id in order]


def _shown(attributes: Mapping[str, Any], by: str | None) -> dict[str, Any]:
    names = ("title", "title_zh", *([by, f"{by}_zh"] if by else []))
    told = {name: attributes[name] for name in names if name in attributes}
    return {**told, "image": True} if attributes.get("image") else told
