"""Pictures of items, from the workspace's pictures folder and from nowhere else."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from serendip.serving.access import GuardedRoute
from serendip.serving.problems import Refused
from serendip.serving.routes.items import unknown_item
from serendip.serving.wire import Live, PathId

MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}
"""SVG is not among them: it can carry scripts."""

_CACHE = "public, max-age=604800"  # a week

router = APIRouter(prefix="/v1", tags=["items"], route_class=GuardedRoute)


@router.get(
    "/items/{item_id}/image",
    response_class=FileResponse,
    responses={200: {"content": {kind: {} for kind in sorted(set(MEDIA_TYPES.values()))}}},
)
def get_image(engine: Live, item_id: PathId) -> FileResponse:
    """The picture that the item's attribute `image` names."""
    attributes = engine.store.get("items", item_id)
    if attributes is None:
        raise unknown_item(item_id)
    workspace = engine.workspace
    path = picture_path(workspace.path, workspace.pictures_dir, attributes.get("image"))
    if path is None:
        raise Refused("not-found", f"the item {item_id!r} has no picture")
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix.lower()], headers={"cache-control": _CACHE})


def picture_path(root: Path, pictures: Path, named: object) -> Path | None:
    """The file that `named`, a path relative to `root`, stands for; None unless it is a picture inside `pictures`."""
    if not isinstance(named, str) or not named or "\0" in named:
        return None
    try:
        path = (root / named).resolve()
        allowed = path.suffix.lower() in MEDIA_TYPES and inside(path, pictures) and path.is_file()
    except (OSError, RuntimeError):  # a name too long, a loop of links
        return None
    return path if allowed else None


def inside(path: Path, folder: Path) -> bool:
    """Whether the resolved `path` lies in `folder`, links followed."""
    return path.is_relative_to(folder.resolve())
