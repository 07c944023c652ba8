"""Play: the page on which a person meets the recommender. It talks to the public HTTP interface and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from serendip.version import __version__

HERE = Path(__file__).parent
LANGUAGES = {"en": "English", "zh": "中文"}
FRESH = {"cache-control": "no-cache"}
"""Asked for again each time, and answered "not modified" by its ETag: a new version is never mixed with an old one."""


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(FRESH)
        return response


def words() -> dict[str, dict[str, str]]:
    """The words of the page, by language and key."""
    read: dict[str, dict[str, str]] = json.loads((HERE / "static/words.json").read_text("utf-8"))
    return read


def language_of(request: Request) -> str:
    """`?lang=` before the first known language that the browser accepts, before English."""
    accepted = [tag.split(";")[0].strip()[:2] for tag in request.headers.get("accept-language", "").split(",")]
    wanted = [request.query_params.get("lang", ""), *accepted]
    return next((code for code in wanted if code in LANGUAGES), "en")


def mount(app: FastAPI, engine: Any) -> None:
    """Add the page at `/` and its files under `/static/`."""
    templates = Jinja2Templates(HERE / "templates")
    texts = words()
    modules = sorted(file.name for file in (HERE / "static").glob("*.js") if file.name != "play.js")

    @app.get("/", include_in_schema=False)
    def play(request: Request) -> Response:
        language = language_of(request)
        context = {
            "language": language,
            "languages": LANGUAGES.items(),
            "words": texts[language],
            "modules": modules,
            "static": "/static",
            "version": __version__,
        }
        return templates.TemplateResponse(request, "play.html", context, headers=FRESH)

    app.mount("/static", _Files(directory=HERE / "static"), name="static")
