"""Rules of the shop: make, change, end them, and see what one would change."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi import Query as InUrl

from serendip.data.times import rfc3339
from serendip.serving.bodies import Answered
from serendip.serving.engine import Engine
from serendip.serving.problems import Refused
from serendip.serving.rule_body import RuleBody
from serendip.serving.shop_rules import ShopRule
from serendip.serving.wire import Control, JsonAnswer, JsonRoute, Live, PathId

router = APIRouter(prefix="/v1", tags=["rules"], route_class=JsonRoute)

NAMED = 3


class RuleTold(RuleBody, Answered):
    id: str
    created: str
    active: bool
    """Whether now lies in its calendar."""
    concerns: int | None
    """How many items of the catalogue it is about; null of a cap, and where there is no model yet."""


class RuleList(Answered):
    """Oldest first; of pins for one place the oldest has it."""

    data: list[RuleTold]
    attributes: dict[str, dict[str, Any]]
    """Of the first three items of each rule."""


class MovedTold(Answered):
    item_id: str
    before: int
    """How many of the lists hold it now."""
    after: int


class ChangedTold(Answered):
    user_id: str
    before: list[str]
    after: list[str]


class ShareTold(Answered):
    mean: float
    low: float
    """The interval, 95 %."""
    high: float


class PreviewTold(Answered):
    """What would change in lists of ten."""

    model_version: str | None
    """null: there is no model, so nothing can be said."""
    surface: str
    people: int
    """Whose lists were made both ways."""
    drawn_from: int
    """People of the latest 5,000 events, from whom they were drawn."""
    cut_short: bool
    """Whether the time ran out before all had their turn."""
    took_ms: float
    lists_changed: int
    share: ShareTold | None
    places: int
    places_changed: int
    gained: list[MovedTold]
    """Items that stand in more lists, the most first."""
    lost: list[MovedTold]
    examples: list[ChangedTold]
    """The lists that change most."""
    attributes: dict[str, dict[str, Any]]
    """Of all items named here."""


@router.get("/rules", response_model=RuleList)
def every(engine: Live) -> JsonAnswer:
    """All rules, those whose time is over or has not come yet too."""
    rules = engine.rules.all()
    named = dict.fromkeys(item_id for one in rules for item_id in (one.body.item_ids or ())[:NAMED])
    told = [_told(engine, one) for one in rules]
    return JsonAnswer({"data": told, "attributes": engine.store.attributes(list(named))})


@router.post("/rules", response_model=RuleTold)
def make(engine: Live, body: RuleBody) -> JsonAnswer:
    """Make a rule: it holds at once, without a new fit; in other processes of the service within a second.

    Rules are for recommendations; of lists of what is similar, and of searches, pins stay out; `POST /v1/rank` is under
    no rule. A pin is no permission: what is hidden, out of stock or was seen before is not listed because of it.
    """
    return JsonAnswer(_told(engine, engine.rules.add(body)))


@router.put("/rules/{rule_id}", response_model=RuleTold)
def change(engine: Live, rule_id: PathId, body: RuleBody) -> JsonAnswer:
    """Put another rule in the place of one, all of it."""
    changed = engine.rules.replace(rule_id, body)
    if changed is None:
        raise _unknown(rule_id)
    return JsonAnswer(_told(engine, changed))


@router.delete("/rules/{rule_id}", status_code=204, response_class=Response)
def end(engine: Live, rule_id: PathId) -> Response:
    """Remove a rule; lists are as if it had never been."""
    if not engine.rules.delete(rule_id):
        raise _unknown(rule_id)
    return Response(status_code=204)


@router.post("/rules:preview", response_model=PreviewTold)
def preview(
    engine: Live,
    control: Control,
    body: RuleBody,
    people: Annotated[int, InUrl(ge=1, le=1_000)] = 200,
    instead_of: Annotated[str | None, InUrl(max_length=256, description="The id of a rule that it replaces.")] = None,
) -> JsonAnswer:
    """What a rule would change now in the lists of people who did something lately, whatever its calendar.

    It takes three seconds at most, and says for how many people that was enough. Nothing is kept or logged.
    """
    found = control.previews.of(body, people, instead_of)
    told = asdict(found)
    if found.share is not None:
        low, high = found.share
        told["share"] = {"mean": found.lists_changed / found.people, "low": low, "high": high}
    return JsonAnswer({**told, "attributes": engine.store.attributes(found.item_ids)})


def _told(engine: Engine, rule: ShopRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        **rule.body.model_dump(mode="json", by_alias=True),
        "created": rfc3339(rule.created_ms),
        "active": any(one.id == rule.id for one in engine.rules.now.rules),
        "concerns": _concerned(engine, rule),
    }


def _concerned(engine: Engine, rule: ShopRule) -> int | None:
    current = engine.deployment.current
    if current is None or rule.body.kind == "cap":
        return None
    return engine.rules.concerned(rule, current.pipeline.catalogue)


def _unknown(rule_id: str) -> Refused:
    return Refused("not-found", f"there is no rule {rule_id!r}")
