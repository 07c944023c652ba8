"""Items: what can be recommended."""

from __future__ import annotations

from fastapi import APIRouter, Response

from serendip.serving.bodies import AttributesBody, Item, ItemPage, ItemRows, ItemsBody, Written
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Limit, Live, PathId, cursor_after, id_of

router = APIRouter(prefix="/v1", tags=["items"], route_class=JsonRoute)


@router.get("/items", response_model=ItemPage)
def list_items(engine: Live, limit: Limit = 50, cursor: str | None = None) -> JsonAnswer:
    """The catalogue in order of ids, a page at a time."""
    rows = engine.store.page("items", limit + 1, id_of(cursor))
    data = [{"item_id": item_id, "attributes": attributes} for item_id, attributes in rows[:limit]]
    return JsonAnswer({"data": data, "next_cursor": cursor_after(rows[limit - 1][0]) if len(rows) > limit else None})


@router.post("/items:batch", response_model=Written)
def put_items(engine: Live, body: ItemsBody | ItemRows) -> JsonAnswer:
    """Store many items, all or none; each replaces what is stored under its id."""
    items = body.items if isinstance(body, ItemsBody) else body
    count = engine.store.put("items", [(item.item_id, item.attributes) for item in items])
    engine.deployment.items_changed()
    return JsonAnswer({"accepted": count})


@router.get("/items/{item_id}", response_model=Item)
def get_item(engine: Live, item_id: PathId) -> JsonAnswer:
    return _item(item_id, engine.store.get("items", item_id))


@router.put("/items/{item_id}", response_model=Item)
def put_item(engine: Live, item_id: PathId, body: AttributesBody) -> JsonAnswer:
    """Store an item with exactly these attributes."""
    engine.store.put("items", [(item_id, body.attributes)])
    engine.deployment.items_changed()
    return _item(item_id, body.attributes)


@router.patch("/items/{item_id}", response_model=Item)
def patch_item(engine: Live, item_id: PathId, body: AttributesBody) -> JsonAnswer:
    """Change the named attributes; null removes one."""
    attributes = engine.store.patch("items", item_id, body.attributes)
    engine.deployment.items_changed()
    return _item(item_id, attributes)


@router.delete("/items/{item_id}", status_code=204, response_class=Response)
def delete_item(engine: Live, item_id: PathId) -> Response:
    """Take an item out of the catalogue; it is listed no more."""
    if not engine.store.delete("items", item_id):
        raise unknown_item(item_id)
    engine.deployment.items_changed()
    return Response(status_code=204)


def unknown_item(item_id: str) -> Refused:
    return Refused("not-found", f"there is no item {item_id!r}")


def _item(item_id: str, attributes: dict[str, object] | None) -> JsonAnswer:
    if attributes is None:
        raise unknown_item(item_id)
    return JsonAnswer({"item_id": item_id, "attributes": attributes})
