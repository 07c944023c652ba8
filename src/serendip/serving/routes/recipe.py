"""Recipe: the one in service and what it does, another one checked and tried, and put in its place."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError

from serendip import models
from serendip.data import InputError
from serendip.pipeline import Recipe
from serendip.pipeline.amending import Change, refused
from serendip.serving.control import recipes
from serendip.serving.control.reading import Reading
from serendip.serving.control.rehearsal import Rehearsal
from serendip.serving.control.sampling import LATEST_EVENTS
from serendip.serving.deployment import Served
from serendip.serving.engine import Engine
from serendip.serving.metrics import STAGES
from serendip.serving.model_bodies import Promoted
from serendip.serving.problems import ProblemError, Refused, pointed
from serendip.serving.recipe_bodies import (
    Checked,
    DryRun,
    DryRunBody,
    PipelineTold,
    RecipeBody,
    RecipeChange,
    RecipeTold,
)
from serendip.serving.wire import Control, JsonAnswer, JsonRoute, Live, key_of

router = APIRouter(prefix="/v1", tags=["operation"], route_class=JsonRoute)

SCHEMA = Recipe.model_json_schema()


@router.get("/pipeline", response_model=PipelineTold)
def pipeline(engine: Live, control: Control, request: Request) -> JsonAnswer:
    """What each stage of the lists leaves, over some people, and how long it takes."""
    served = engine.deployment.current
    counts = control.stages.counts(served.version, served.pipeline) if served else None
    counted = Reading((request.app.state.siblings or engine.metrics).text())
    times = {one.labels["stage"]: one for one in counted.times("stage", "stage")}
    return JsonAnswer(
        {
            "version": served.version if served else None,
            "recipe": served.pipeline.name if served else None,
            "exploring": bool(served and served.pipeline.exploring and served.pipeline.recipe.exploration.places),
            "latest_events": LATEST_EVENTS,
            "counts": counts.to_json() if counts else None,
            "times": [times[name].to_json() for name in STAGES],
        }
    )


@router.get("/recipe", response_model=RecipeTold)
def recipe(engine: Live) -> JsonAnswer:
    """The recipe in service, and what another may hold."""
    served, found = engine.deployment.current, current(engine)
    more = {"json_schema": SCHEMA, "models": models.names(), "recipes": Recipe.names()}
    return JsonAnswer({"version": served.version if served else None, **_told(found), **more})


@router.post("/recipe:check", response_model=Checked)
def check(engine: Live, body: RecipeBody) -> JsonAnswer:
    """Whether a recipe makes sense, what is another in it than in the one in service, and what needs a new fit."""
    served, wanted = engine.deployment.current, read(engine, body)
    changes = recipes.difference(served.pipeline, wanted) if served else []
    why = refused(changes) if served else "there is no model yet"
    told = {"version": served.version if served else None, "changes": list(map(_changed, changes)), "needs_fit": why}
    return JsonAnswer({**told, **_told(wanted)})


@router.post("/recipe:dry-run", response_model=DryRun)
def dry_run(engine: Live, control: Control, body: DryRunBody) -> JsonAnswer:
    """The lists of some people by this recipe, beside those by the one in service; it takes some seconds at most."""
    served, wanted = _served(engine), read(engine, body)
    recipes.difference(served.pipeline, wanted)
    found = control.rehearsals.of(served.pipeline, wanted, body.people)
    if found is None:
        raise Refused(
            "overloaded", "another recipe is being tried; try again in a moment", headers={"retry-after": "5"}
        )
    return JsonAnswer(_rehearsed(engine, served, found))


@router.put("/recipe", response_model=Promoted)
def put(engine: Live, request: Request, body: RecipeChange) -> JsonAnswer:
    """Put a recipe in service that needs no new fit: a new version over what was fitted, in one step.

    The version before stays and can be promoted again. Rounds of training fit this recipe from now on, until the
    settings of the workspace name another one.
    """
    version = _amended(engine, request, body)
    engine.deployment.look()
    return JsonAnswer({"version": version, "answers": engine.deployment.answers(version)})


@router.post("/recipe:aside", response_model=Promoted)
def aside(engine: Live, request: Request, body: RecipeChange) -> JsonAnswer:
    """Put such a recipe beside the one in service, as a model that an experiment may name.

    It is removed when the next model is put in service, unless an experiment that runs needs it.
    """
    version = _amended(engine, request, body, aside=True)
    return JsonAnswer({"version": version, "answers": engine.deployment.answers(version)})


def _amended(engine: Engine, request: Request, body: RecipeChange, aside: bool = False) -> str:
    """The version of what was fitted under another recipe.

    Raises:
        Refused: nothing is another in it, it needs a fit, or another model is in service by now.
    """
    served, wanted = _served(engine), read(engine, body)
    changes = recipes.difference(served.pipeline, wanted)
    if not changes:
        raise Refused("invalid-request", "this is the recipe in service: nothing is another in it")
    if why := refused(changes):
        raise Refused("invalid-request", f"it needs a new fit, train with it (POST /v1/models:train): {why}")
    folder, version = engine.workspace.current_model(), None
    if folder is not None and folder.name == body.version:
        version = recipes.put_in_service(engine.workspace, folder, wanted, key_of(request), aside)
    if version is None:
        raise Refused("conflict", f"the model {body.version} is not in service any more; look at the one that is")
    return version


def read(engine: Engine, body: RecipeBody) -> Recipe:
    """The recipe of a body.

    Raises:
        Refused: there is none, or it is not one.
    """
    if (body.recipe is None) == (body.toml is None):
        raise Refused("invalid-request", "give the recipe either as `recipe` or as `toml`")
    try:
        found = Recipe.model_validate(body.recipe) if body.toml is None else Recipe.parse(body.toml, "the recipe")
        found.to_toml()
        recipes.check_folders(found, current(engine))
    except ValidationError as error:
        wrong = pointed({**one, "loc": ("body", "recipe", *one["loc"])} for one in error.errors())
        raise Refused(
            "invalid-request", "; ".join(f"{one.pointer}: {one.detail}" for one in wrong[:3]), wrong
        ) from None
    except InputError as error:
        wrong = [ProblemError(pointer="#/toml", code="invalid", detail=str(error))]
        raise Refused("invalid-request", str(error), wrong) from None
    except (TypeError, ValueError):
        raise Refused("invalid-request", "the recipe holds a value that TOML does not have, such as null") from None
    return found


def current(engine: Engine) -> Recipe:
    """The recipe in service; without a model that which the first would be fitted with."""
    served = engine.deployment.current
    return served.pipeline.recipe if served else Recipe.find(engine.workspace.settings.recipe)


def _served(engine: Engine) -> Served:
    if engine.deployment.current is None:
        raise Refused("invalid-request", "there is no model yet; train one first (POST /v1/models:train)")
    return engine.deployment.current


def _told(recipe: Recipe) -> dict[str, Any]:
    return {"recipe": recipe.model_dump(mode="json"), "toml": recipe.to_toml()}


def _changed(one: Change) -> dict[str, Any]:
    return {**asdict(one), "place": list(one.place)}


def _rehearsed(engine: Engine, served: Served, found: Rehearsal) -> dict[str, Any]:
    ids = list(dict.fromkeys(item_id for one in found.shown for item_id in (*one.before, *one.after)))
    return {
        "version": served.version,
        "people": found.people,
        "wanted": found.wanted,
        "latest_events": LATEST_EVENTS,
        "changed": vars(found.changed),
        "overlap": vars(found.overlap),
        "distinct_before": found.distinct[0],
        "distinct_after": found.distinct[1],
        "items": len(served.pipeline.learned),
        "ms_before": found.ms[0],
        "ms_after": found.ms[1],
        "shown": [asdict(one) for one in found.shown],
        "attributes": engine.store.attributes(ids),
    }
