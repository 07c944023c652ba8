"""Routes: one file per resource; each parses, asks the engine and renders, nothing else."""

from fastapi import APIRouter

from serendip.serving import gorse
from serendip.serving.routes import (
    audiences,
    events,
    experiments,
    items,
    lists,
    map,
    me,
    models,
    operation,
    overview,
    people,
    pictures,
    rules,
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
    overview.router,
    operation.router,
    *gorse.ROUTERS,
)

__all__ = ["ROUTERS"]
