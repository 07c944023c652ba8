"""App: routes, problems and the gate put together over one workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from fastapi import FastAPI

from serendip.serving import pages, problems, statuses
from serendip.serving.access import Access
from serendip.serving.audit import Audit
from serendip.serving.background import Background
from serendip.serving.bodies import EventBody
from serendip.serving.control.backups import Backups
from serendip.serving.control.imports import Imports
from serendip.serving.control.room import ControlRoom
from serendip.serving.direct import direct_routes
from serendip.serving.engine import Engine
from serendip.serving.gate import Gate
from serendip.serving.limits import Limits
from serendip.serving.origins import Origins
from serendip.serving.problems import Problem
from serendip.serving.routes import ROUTERS
from serendip.serving.siblings import Siblings
from serendip.serving.storage import Storage
from serendip.store import Workspace
from serendip.store.training import TrainingSettings
from serendip.version import __version__

NEVER = {"every_h": 0.0, "every_events": 0}
"""Training that begins at no time by itself."""

_DESCRIPTION = """Live recommendations with reasons.

Ids are any UTF-8 string of at most 256 bytes, percent-encoded in paths. Times are RFC 3339 in UTC; epoch seconds or
milliseconds are read too. Every failure is `application/problem+json` (RFC 9457)."""


class Beside(Protocol):
    """What works beside the requests, while the service runs."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Service(FastAPI):
    """The application, whose document also declares what the framework does not see."""

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def bare_app() -> Service:
    """The routes without a workspace: enough for the OpenAPI document."""
    app = Service(
        title="Serendip",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # both load scripts from a foreign host
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": {"description": "A problem (RFC 9457)."}},
    )
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def any_name(name: str) -> bool:
    return True


def create_app(
    workspace: Workspace,
    answers_to: Callable[[str], bool] = any_name,
    *,
    origins: Iterable[str] = (),
    limit_anybody: bool = False,
    training: TrainingSettings | None = None,
) -> FastAPI:
    """The HTTP service over `workspace`, which stays the caller's to close.

    While its lifespan runs, exposures are written and new models are taken up.

    Args:
        answers_to: whether the service goes by the name in a request's `Host` header; other requests are refused.
        origins: pages of these origins, such as `https://shop.example`, may use the service through a browser.
        limit_anybody: clients have limits although there is no key.
        training: when it trains beside its work; None: another process of the service does, or nobody.

    Raises:
        InputError: one of the origins is none.
    """
    named = Origins(origins)
    engine, settings = Engine(workspace), workspace.settings.service
    engine.metrics.gauge("writes_waiting", "Writes behind the one under way.", workspace.store.writes_waiting)
    app = bare_app()
    app.state.engine, app.state.draining, app.state.siblings = engine, False, None
    app.state.control = ControlRoom(engine)
    app.state.access = Access(workspace.store, Limits(settings, engine.metrics.limited), limit_anybody)
    audit = app.state.audit = Audit(workspace)
    backups = app.state.backups = Backups(workspace)
    imports = app.state.imports = Imports(engine)
    app.state.storage = Storage(workspace)
    training = training or workspace.settings.training.model_copy(update=NEVER)
    background = Background(workspace, engine.deployment, training, engine.metrics.trained)
    app.state.background = background
    engine.metrics.gauge("training_running", "1 while a new model is trained.", lambda: float(background.running))
    app.router.lifespan_context = _lifespan(engine, (background, audit, backups, imports))
    pages.mount(app)
    direct = direct_routes(app, (route for router in ROUTERS for route in router.routes))
    app.add_middleware(
        Gate,
        metrics=engine.metrics,
        answers_to=answers_to,
        settings=settings,
        origins=named,
        direct=direct,
        passed=audit.passed,
    )
    return app


def _lifespan(engine: Engine, beside: Sequence[Beside]) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.draining = False
        siblings: Siblings | None = app.state.siblings
        engine.start()
        for one in beside:
            one.start()
        if siblings:
            siblings.start()
        try:
            yield
        finally:
            app.state.draining = True
            for one in beside:
                one.stop()
            engine.stop()
            if siblings:
                siblings.stop()

    return lifespan


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """With the one shape of every failure, and that of events, which are read row by row."""
    for model in (Problem, EventBody):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= {**schema.pop("$defs", {}), model.__name__: schema}
    statuses.declare(document)
    return document
