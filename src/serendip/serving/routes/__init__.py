"""Routes: one file per resource; each parses, asks the engine and renders, nothing else."""

from fastapi import APIRouter

from serendip.serving import gorse
from serendip.serving.routes import events, experiments, items, lists, me, models, operation, overview, pictures, users

ROUTERS: tuple[APIRouter, ...] = (
    lists.router,
    events.router,
    items.router,
    pictures.router,
    users.router,
    experiments.router,
    me.router,
    models.router,
    overview.router,
    operation.router,
    *gorse.ROUTERS,
)

__all__ = ["ROUTERS"]
