"""Imports: a file is received, guessed, checked, and imported as a whole; and what was imported before."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from serendip.data.readers.chosen import ENDINGS, NEEDED, PARTS, SEPARATOR, Choice, TableKind, format_of
from serendip.data.sifting import MOST_ROWS
from serendip.data.times import rfc3339
from serendip.serving import drafts
from serendip.serving.access import GuardedRoute
from serendip.serving.audit import audited
from serendip.serving.bodies import Answered, Body
from serendip.serving.control.imports import Imports
from serendip.serving.drafts import Draft, is_id
from serendip.serving.gate import FILE_BODY_LIMIT
from serendip.serving.problems import Refused
from serendip.serving.wire import JsonAnswer, JsonRoute, Limit, Live, PathId, cursor_after, id_of, media_type
from serendip.store import Imported

router = APIRouter(prefix="/v1", tags=["data"], route_class=JsonRoute)
files = APIRouter(prefix="/v1", tags=["data"], route_class=GuardedRoute)

FILE_TYPE = "application/octet-stream"
"""A page elsewhere cannot send it unasked: a browser asks first, and is not answered."""
FileName = Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
_SENT: dict[str, Any] = {
    "requestBody": {"required": True, "content": {FILE_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


class GuessBody(Body):
    """What is known better."""

    kind: TableKind
    delimiter: str | None = Field(None, min_length=1, max_length=1, pattern=SEPARATOR)


class AcceptBody(Body):
    anyway: bool = False
    """Although a check fails."""


class Finding(Answered):
    level: Literal["PASS", "WARN", "FAIL"]
    name: str
    detail: str
    count: int
    examples: list[str]


class RefusedTold(Answered):
    row: int
    """As an editor counts them, from 1."""
    why: str
    cells: dict[str, str | None]


class Report(Answered):
    """What all of the file says, read as it was chosen."""

    rows: int
    kept: int
    refused: int
    """Rows that cannot be used; all others are imported."""
    refused_told: int
    """How many of them `GET /v1/imports/{import_id}/rejected` names, at most."""
    first_refused: list[RefusedTold]
    notes: list[str]
    findings: list[Finding]


class DraftTold(Answered):
    """A file that was received."""

    id: str
    name: str
    bytes: int
    sha256: str
    received: str
    stage: Literal["received", "checked", "importing"]
    guess: Choice
    """How to read it, by what its beginning looks like; all of it can be chosen otherwise."""
    headers: list[str]
    sample: list[list[str | None]]
    """The first rows."""
    choice: Choice | None
    """What it was checked as."""
    report: Report | None
    done: int
    """Rows that were written, of `total`."""
    total: int
    why: str
    """What ended the last attempt to import it; nothing of that stayed."""


class DraftLine(Answered):
    """A file that was received, in short."""

    id: str
    name: str
    bytes: int
    received: str
    stage: Literal["received", "checked", "importing"]
    done: int
    total: int


class ImportTold(Answered):
    """What a file brought."""

    id: str
    time: str
    name: str
    kind: TableKind
    format: str
    bytes: int
    sha256: str
    rows: int
    refused: int
    accepted: int
    """Events that are new."""
    duplicates: int
    """Events that were there already."""
    conflicts: int
    """Events whose `event_id` is stored with another content; they were left out."""
    items: int
    users: int
    findings: list[dict[str, Any]]
    seconds: float
    key_id: str | None
    rejected: bool
    """Whether the rows that were refused can still be fetched."""


class ImportState(Answered):
    """Where an import stands: on its way, or over."""

    draft: DraftTold | None
    imported: ImportTold | None


class Bounds(Answered):
    """What is kept, and for how long."""

    bytes: int
    """Of a file."""
    rows: int
    endings: list[str]
    parts: dict[str, list[str]]
    """What columns can be, by kind."""
    needed: dict[str, list[str]]
    drafts: int
    draft_hours: float
    rejected_days: float


class ImportPage(Answered):
    """What was imported over HTTP, latest first."""

    data: list[ImportTold]
    next_cursor: str | None
    drafts: list[DraftLine]
    """Files on their way, latest first."""
    bounds: Bounds


async def _imports(request: Request) -> Imports:
    imports: Imports = request.app.state.imports
    return imports


Reading = Annotated[Imports, Depends(_imports)]


@files.post("/imports", response_model=DraftTold, openapi_extra=_SENT)
async def upload(request: Request, imports: Reading, name: FileName) -> JsonAnswer:
    """Send a file, as it is, with `Content-Type: application/octet-stream`; what it seems to be.

    `name` says by its ending what is in it: CSV, JSON lines or Parquet. Nothing is imported yet.
    """
    if media_type(request) != FILE_TYPE:
        raise Refused("unsupported-media-type", f"the file must be sent as Content-Type: {FILE_TYPE}")
    format_of(name)
    try:
        id_, path = await run_in_threadpool(imports.drafts.new)
        try:
            size, digest = await _kept(request, path)
            draft = await run_in_threadpool(imports.received, id_, name, size, digest)
        except BaseException:
            imports.drafts.discard(id_)
            raise
    except OSError:
        raise Refused("insufficient-storage", "the file cannot be kept: the disk takes no more") from None
    audited(request, id_)
    return JsonAnswer(_draft(draft))


async def _kept(request: Request, path: Path) -> tuple[int, str]:
    """Write the body to the disk as it comes; its size and its SHA-256."""
    hashed, size = sha256(), 0
    with path.open("wb") as file:
        async for piece in request.stream():
            hashed.update(piece)
            size += len(piece)
            await run_in_threadpool(file.write, piece)
    if not size:
        raise Refused("invalid-request", "the file is empty")
    return size, hashed.hexdigest()


@router.get("/imports", response_model=ImportPage)
def every(engine: Live, imports: Reading, limit: Limit = 20, cursor: str | None = None) -> JsonAnswer:
    """What was imported over HTTP, what is on its way, and what may be sent."""
    before = id_of(cursor)
    if before is not None and not is_id(before):
        raise Refused("invalid-request", "the cursor is not one that a list gave")
    rows = engine.store.import_page(limit + 1, before)
    following = cursor_after(rows[limit - 1].id) if len(rows) > limit else None
    data = [_imported(imports, one) for one in rows[:limit]]
    waiting = [_line(one) for one in imports.drafts.all()]
    return JsonAnswer({"data": data, "next_cursor": following, "drafts": waiting, "bounds": _bounds()})


@router.get("/imports/{import_id}", response_model=ImportState)
def one(engine: Live, imports: Reading, import_id: PathId) -> JsonAnswer:
    """Where an import stands."""
    draft = imports.drafts.read(import_id)
    if draft is not None:
        return JsonAnswer({"draft": _draft(draft), "imported": None})
    known = engine.store.import_page(1, f"{import_id}~") if is_id(import_id) else []
    if not known or known[0].id != import_id:
        raise _unknown(import_id)
    return JsonAnswer({"draft": None, "imported": _imported(imports, known[0])})


@router.post("/imports/{import_id}:guess", response_model=DraftTold)
def guess(imports: Reading, import_id: PathId, body: GuessBody) -> JsonAnswer:
    """Guess anew, where the kind of table, or what separates its values, is known better."""
    return JsonAnswer(_draft(imports.guess(_found(imports, import_id), body.kind, body.delimiter)))


@router.post("/imports/{import_id}:check", response_model=DraftTold)
def check(imports: Reading, import_id: PathId, body: Choice) -> JsonAnswer:
    """Read all of it as chosen, and say what is wrong. Nothing is imported yet."""
    return JsonAnswer(_draft(imports.check(_found(imports, import_id), body)))


@router.post("/imports/{import_id}:accept", response_model=DraftTold, status_code=202)
def accept(request: Request, imports: Reading, import_id: PathId, body: AcceptBody) -> JsonAnswer:
    """Begin to import what was checked: all of its rows that can be used, or nothing.

    `GET /v1/imports/{import_id}` tells how far it is. The same file again adds nothing.
    """
    key_id = request.scope["state"].get("key_id")
    return JsonAnswer(_draft(imports.accept(_found(imports, import_id), body.anyway, key_id)), 202)


@router.delete("/imports/{import_id}", status_code=204, response_class=Response)
def discard(imports: Reading, import_id: PathId) -> Response:
    """Throw away a file that was not imported, or the rows that were refused of one that was."""
    if imports.drafts.read(import_id) is not None:
        imports.drafts.hold(import_id).release()  # nobody works on it
    elif imports.drafts.refused_of(import_id) is None:
        raise _unknown(import_id)
    imports.drafts.discard(import_id)
    return Response(status_code=204)


@files.get(
    "/imports/{import_id}/rejected",
    response_class=FileResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
def rejected(imports: Reading, import_id: PathId) -> FileResponse:
    """The rows that cannot be used, with their numbers and reasons, as CSV; no cell of it is a formula."""
    path = imports.drafts.refused_of(import_id)
    if path is None:
        raise Refused("not-found", f"there are no refused rows of an import {import_id!r} (any more)")
    return FileResponse(path, media_type="text/csv", filename=f"rejected-{import_id}.csv")


def _found(imports: Imports, import_id: str) -> Draft:
    draft = imports.drafts.read(import_id)
    if draft is None:
        raise _unknown(import_id)
    return draft


def _unknown(import_id: str) -> Refused:
    return Refused("not-found", f"there is no import {import_id!r}")


def _line(draft: Draft) -> dict[str, Any]:
    told = {name: getattr(draft, name) for name in DraftLine.model_fields if name != "received"}
    return {**told, "received": rfc3339(draft.received_ms)}


def _draft(draft: Draft) -> dict[str, Any]:
    told = vars(draft) | draft.guess
    return {
        **{name: told[name] for name in DraftTold.model_fields if name not in ("received", "guess")},
        "received": rfc3339(draft.received_ms),
        "guess": draft.guess["choice"],
        "choice": draft.choice,
    }


def _imported(imports: Imports, one: Imported) -> dict[str, Any]:
    kept = imports.drafts.refused_of(one.id) is not None
    return {"id": one.id, "time": rfc3339(one.time_ms), **one.body, "rejected": kept}


def _bounds() -> dict[str, Any]:
    return {
        "bytes": FILE_BODY_LIMIT,
        "rows": MOST_ROWS,
        "endings": list(ENDINGS),
        "parts": {kind: list(parts) for kind, parts in PARTS.items()},
        "needed": NEEDED,
        "drafts": drafts.MOST_DRAFTS,
        "draft_hours": drafts.DRAFTS_KEPT_S / 3600,
        "rejected_days": drafts.REFUSED_KEPT_S / drafts.DAY_S,
    }
