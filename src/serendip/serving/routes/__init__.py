"""Routes: one file per resource; each parses, asks the engine and renders, nothing else."""

from fastapi import APIRouter

from serendip.serving import gorse
from serendip.serving.routes import (
    access,
    audiences,
    events,
    experiments,
    health,
    imports,
    items,
    lists,
    map,
    me,
    models,
    operations,
    overview,
    people,
    pictures,
    recipe,
    rules,
    schema,
    trials,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    lists.router,
    trials.router,
    events.router,
    items.router,
    audiences.router,
    pictures.router,
    users.router,
    people.router,
    experiments.router,
    rules.router,
    map.router,
    me.router,
    models.router,
    recipe.router,
    overview.router,
    health.router,
    imports.router,
    imports.files,
    schema.router,
    operations.router,
    access.router,
    *gorse.ROUTERS,
)

__all__ = ["ROUTERS"]
