"""Gorse: its HTTP addresses over this engine, so that its clients work unchanged; `docs/gorse.md` says what differs.

Its objects have PascalCase names and become ours by `serendip.data.gorse`; everything else is as in `routes`: each file
parses, asks the engine and renders.
"""

from fastapi import APIRouter

from serendip.serving.gorse import feedback, health, items, lists, users

ROUTERS: tuple[APIRouter, ...] = (
    users.router,
    items.router,
    items.bare,
    feedback.router,
    lists.router,
    health.router,
)

__all__ = ["ROUTERS"]
