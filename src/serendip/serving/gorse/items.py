"""Items of gorse, and their categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from serendip.data import Query as Search
from serendip.data.gorse import categories_of, is_label
from serendip.serving.access import GuardedRoute
from serendip.serving.asked import Asked
from serendip.serving.engine import NO_MODEL, Engine
from serendip.serving.gorse.bodies import GorseItem, GorseItemPage, GorseItemPatch, GorseWritten, Items, told_item
from serendip.serving.gorse.paging import Cursor, Number, page_of
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Live, PathId
from serendip.store import Attributes

router = APIRouter(prefix="/api", tags=["gorse"], route_class=JsonRoute)
bare = APIRouter(prefix="/api", tags=["gorse"], route_class=GuardedRoute)  # routes whose body is empty


@router.post("/item", response_model=GorseWritten)
def insert_item(engine: Live, body: GorseItem) -> JsonAnswer:
    """Store an item; replaces what is stored under the id."""
    return _put(engine, [body])


@router.post("/items", response_model=GorseWritten)
def insert_items(engine: Live, body: Items) -> JsonAnswer:
    """Store many items, all or none."""
    return _put(engine, body)


@router.get("/items", response_model=GorseItemPage)
async def get_items(
    engine: Live,
    n: Number = 10,
    cursor: Cursor = "",
    q: Annotated[str, Query(max_length=2_000, description="Words to search by; the best matches, on one page.")] = "",
) -> JsonAnswer:
    """The catalogue in order of ids, a page at a time, or what matches words."""
    if q:
        rows, following = await _found(engine, q, n), ""
    else:
        rows, following = await run_in_threadpool(page_of, engine.store, "items", n, cursor)
    return JsonAnswer({"Cursor": following, "Items": [told_item(*row) for row in rows]})


@router.get("/item/{item_id}", response_model=GorseItem)
def get_item(engine: Live, item_id: PathId) -> JsonAnswer:
    return JsonAnswer(told_item(item_id, _known(engine, item_id)))


@router.patch("/item/{item_id}", response_model=GorseWritten)
def modify_item(engine: Live, item_id: PathId, body: GorseItemPatch) -> JsonAnswer:
    """Change what is not null."""
    known = _known(engine, item_id)
    gone = dict.fromkeys(filter(is_label, known) if body.labels is not None else ())
    return _changed(engine, item_id, {**gone, **body.changes()})


@router.delete("/item/{item_id}", response_model=GorseWritten)
def delete_item(engine: Live, item_id: PathId) -> JsonAnswer:
    """Take an item out of the catalogue; it is listed no more."""
    gone = engine.store.delete("items", item_id)
    engine.deployment.items_changed()
    return JsonAnswer({"RowAffected": int(gone)})


@bare.put("/item/{item_id}/category/{category}", response_model=GorseWritten)
def insert_category(engine: Live, item_id: PathId, category: PathId) -> JsonAnswer:
    """Add a category to an item."""
    return _with_categories(engine, item_id, lambda known: known if category in known else [*known, category])


@bare.delete("/item/{item_id}/category/{category}", response_model=GorseWritten)
def delete_category(engine: Live, item_id: PathId, category: PathId) -> JsonAnswer:
    """Take a category from an item."""
    return _with_categories(engine, item_id, lambda known: [one for one in known if one != category])


def _put(engine: Engine, items: Sequence[GorseItem]) -> JsonAnswer:
    count = engine.store.put("items", [(item.item_id, item.attributes()) for item in items])
    engine.deployment.items_changed()
    return JsonAnswer({"RowAffected": count})


async def _found(engine: Engine, words: str, n: int) -> list[tuple[str, Attributes]]:
    query = Search(text=words, n=n, personalization=False, surface="search")
    answer = await engine.answer(Asked("recommendations", query))
    if answer.model_version == NO_MODEL:  # what is popular would not be what was searched for
        raise Refused("not-ready", "items can be searched once there is a model")
    ids = [item.item_id for item in answer.found]
    attributes = await run_in_threadpool(engine.store.attributes, ids)
    return [(id_, attributes[id_]) for id_ in ids if id_ in attributes]


def _known(engine: Engine, item_id: str) -> Attributes:
    attributes = engine.store.get("items", item_id)
    if attributes is None:
        raise Refused("not-found", f"there is no item {item_id!r}")
    return attributes


def _with_categories(engine: Engine, item_id: str, change: Callable[[list[str]], list[str]]) -> JsonAnswer:
    known = categories_of(_known(engine, item_id))
    return _changed(engine, item_id, {"category": change(known) or None})


def _changed(engine: Engine, item_id: str, changes: Attributes) -> JsonAnswer:
    engine.store.patch("items", item_id, changes)
    engine.deployment.items_changed()
    return JsonAnswer({"RowAffected": 1})
