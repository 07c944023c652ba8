"""Pages: Play, on which a person meets the recommender, and the control room, both over the public HTTP interface."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from serendip.version import __version__

HERE = Path(__file__).parent
STATIC = HERE / "static"
LANGUAGES = {"en": "English", "zh": "中文"}
FRESH = {"cache-control": "no-cache"}
"""Asked for again each time, and answered "not modified" by its ETag: a new version is never mixed with an old one."""

SCREENS = (
    *("overview", "person", "item", "pipeline", "models", "map"),
    *("experiments", "data", "rules", "access", "operations"),
)
"""Of the control room, in the order of its navigation: each is a module and a book of words of that name."""


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(FRESH)
        return response


@cache
def words(*books: str) -> dict[str, dict[str, str]]:
    """The words of `static/words/NAME.json` together, by language and key."""
    read = [json.loads((STATIC / "words" / f"{book}.json").read_text("utf-8")) for book in books]
    return {language: {key: text for of in read for key, text in of[language].items()} for language in LANGUAGES}


def language_of(request: Request) -> str:
    """`?lang=` before the first known language that the browser accepts, before English."""
    accepted = [tag.split(";")[0].strip()[:2] for tag in request.headers.get("accept-language", "").split(",")]
    wanted = [request.query_params.get("lang", ""), *accepted]
    return next((code for code in wanted if code in LANGUAGES), "en")


def mount(app: FastAPI) -> None:
    """Add Play at `/`, the control room at `/room` and their files under `/static/`."""
    templates = Jinja2Templates(HERE / "templates")

    def page(request: Request, name: str, **more: object) -> Response:
        language, books = language_of(request), ("shared", name)
        context = {
            "page": name,
            "language": language,
            "languages": LANGUAGES.items(),
            "books": books,
            "words": words(*books)[language],
            "modules": modules(name),
            "version": __version__,
            **more,
        }
        return templates.TemplateResponse(request, f"{name}.html", context, headers=FRESH)

    @app.get("/", include_in_schema=False)
    def play(request: Request) -> Response:
        return page(request, "play")

    @app.get("/room", include_in_schema=False)
    def entrance(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/room/{SCREENS[0]}{query}")

    @app.get("/room/{screen}", include_in_schema=False)
    def room(request: Request, screen: str) -> Response:
        known = screen if screen in SCREENS else SCREENS[0]
        return page(request, "room", screens=SCREENS, screen=known)

    app.mount("/static", _Files(directory=STATIC), name="static")


@cache
def modules(name: str) -> list[str]:
    """The scripts that a page needs at once besides its first, to be fetched side by side."""
    shared, own = STATIC.glob("*.js"), (STATIC / name).glob("*.js")
    return sorted(str(path.relative_to(STATIC)) for path in (*shared, *own) if path.stem != name)
