"""Events: what people did."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from serendip.serving.access import GuardedRoute
from serendip.serving.bodies import EventBody, EventsReceipt
from serendip.serving.event_rows import NDJSON_TYPES, checked
from serendip.serving.wire import JSON_TYPE, JsonAnswer, Live, media_type

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=GuardedRoute)

_EVENT = {"$ref": f"#/components/schemas/{EventBody.__name__}"}
_MANY = {"type": "array", "items": _EVENT, "maxItems": 10_000}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON_TYPE: {
                "schema": {
                    "anyOf": [
                        _EVENT,
                        _MANY,
                        {"type": "object", "properties": {"events": _MANY}, "required": ["events"]},
                    ]
                }
            },
            NDJSON_TYPES[0]: {"schema": {"type": "string", "description": "One event per line."}},
        },
    }
}


@router.post("", response_model=EventsReceipt, openapi_extra=_BODY)
async def post_events(request: Request, engine: Live) -> JsonAnswer:
    """Record one event or many: an object, an array, `{"events": [...]}`, or one object per line (NDJSON).

    Rows are judged one by one; those that cannot be stored are named in `rejected`. What is accepted has been
    written to disk when the answer comes, and counts in the next list of that person. At most 10,000 rows or 32 MB.
    """
    rows = checked(await request.body(), media_type(request))
    receipt = await run_in_threadpool(engine.append, rows.events)
    answer = rows.answer(receipt)
    counts = {"accepted": receipt.accepted, "duplicate": receipt.duplicates, "rejected": len(answer["rejected"])}
    for outcome, count in counts.items():
        engine.metrics.events.labels(outcome).inc(count)
    return JsonAnswer(answer)
