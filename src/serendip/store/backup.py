"""Backup: a workspace as one archive, made while it is in use, and a workspace made of it again.

The archive (tar, gzip) holds the store as one SQLite file, whichever engine it comes from, as it was at one moment; the
settings, the current model and the pictures; and first of all a manifest with the size and the SHA-256 of each.
Vectors are left out: they can be computed again.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from serendip.data import InputError, Progress, silent
from serendip.errors import DamagedArtifactError
from serendip.store.files import synchronise, synchronise_tree
from serendip.store.shelf import POINTER
from serendip.store.workspace import SETTINGS_FILE, STORE_FILE, Workspace, open_store
from serendip.version import __version__

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 << 20  # bytes
BLOCK = 1 << 20  # bytes copied at once


def backup(workspace: Workspace, path: Path, progress: Progress = silent) -> int:
    """Write all of `workspace` to `path`, which appears whole or not at all; its size in bytes.

    What `progress` raises ends it, and nothing is left.

    Raises:
        InputError: there is something at `path` already, no folder to put it in, or a file of the workspace was
            changed while it was read.
    """
    if path.exists():
        raise InputError(f"{path} is there already; a backup replaces nothing")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as folder:
        draft = Path(folder) / "draft"
        size = _pack(workspace, Path(folder), draft, progress)
        try:
            done = 0
            for _, block in _entries(draft):  # read back once before it has its name
                done += len(block)
                progress("reading back", done, size)
        except ValueError as error:
            raise InputError(f"the workspace was changed while it was read ({error}); try again") from None
        synchronise(draft)
        os.link(draft, path)  # unlike a rename, it replaces nothing that came meanwhile
    synchronise(path.parent)
    return path.stat().st_size


def restore(path: Path, folder: Path) -> None:
    """Make the workspace `folder` of a backup.

    Raises:
        InputError: `folder` is there already, or `path` is no backup.
        DamagedArtifactError: the backup is truncated or altered; nothing is left of what was read of it.
    """
    if folder.exists():
        raise InputError(f"{folder} is there already; a backup is restored to a new folder")
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        _unpack(path, draft)
        if not (draft / STORE_FILE).is_file():
            raise ValueError(f"{STORE_FILE} is missing")
        (draft / "models").mkdir(exist_ok=True)
        open_store(draft / STORE_FILE).close()  # it is a store, and of this version from now on
        synchronise_tree(draft)
        draft.chmod(0o755)
        draft.rename(folder)
        synchronise(folder.parent)
    except InputError:
        raise
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, KeyError) as error:
        raise DamagedArtifactError(f"{path} cannot be read as a backup: {error}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _pack(workspace: Workspace, folder: Path, draft: Path, progress: Progress) -> int:
    """How many bytes there are of all files."""
    store, pointer, model = folder / STORE_FILE, folder / POINTER, workspace.current_model()
    progress("copying the store", 0, workspace.store.disk_bytes())
    workspace.store.copy_to(store)
    files = {STORE_FILE: store, **dict(_files(workspace, model))}
    if model is not None:
        pointer.write_text(model.name + "\n", encoding="utf-8")
        files[f"models/{POINTER}"] = pointer
    done, size = 0, sum(file.stat().st_size for file in files.values())
    with tarfile.open(draft, "w:gz", compresslevel=3) as archive:
        _add(archive, MANIFEST, _manifest(files))
        for name, file in files.items():
            progress("packing", done, size)
            archive.add(file, name, recursive=False)
            done += file.stat().st_size
    return size


def _files(workspace: Workspace, model: Path | None) -> Iterator[tuple[str, Path]]:
    """What belongs to the workspace beside its store, by its name in the archive."""
    settings = workspace.path / SETTINGS_FILE
    if settings.is_file():
        yield SETTINGS_FILE, settings
    roots = {"pictures": workspace.pictures_dir} | ({} if model is None else {f"models/{model.name}": model})
    for prefix, root in roots.items():
        for file in sorted(root.rglob("*")):
            if file.is_file() and not file.is_symlink():
                yield f"{prefix}/{file.relative_to(root).as_posix()}", file


def _manifest(files: dict[str, Path]) -> bytes:
    described = {name: {"bytes": file.stat().st_size, "sha256": _sha256(file)} for name, file in files.items()}
    return json.dumps({"serendip": __version__, "files": described}, indent=1).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, BytesIO(content))


def _unpack(path: Path, folder: Path) -> None:
    for name, block in _entries(path):
        target = _inside(folder, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            file.write(block)


def _entries(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files that the manifest lists, in blocks (an empty file is an empty block).

    Raises:
        InputError: it is no backup.
        ValueError: a file is not as it was, is missing, or is not listed.
    """
    with tarfile.open(path, "r:gz") as archive:
        entry = archive.next()
        if entry is None or entry.name != MANIFEST or entry.size > LARGEST_MANIFEST:
            raise InputError(f"{path} is no backup of a workspace")
        expected: dict[str, Any] = json.loads(_content(archive, entry).read())["files"]
        while (entry := archive.next()) is not None:
            described = expected.pop(entry.name, None)
            if described is None or not entry.isreg() or entry.size != described["bytes"]:
                raise ValueError(f"{entry.name} is not as it was")
            content, digest = _content(archive, entry), sha256()
            while block := content.read(BLOCK):
                digest.update(block)
                yield entry.name, block
            if digest.hexdigest() != described["sha256"]:
                raise ValueError(f"{entry.name} is not as it was")
            yield entry.name, b""
    if expected:
        raise ValueError(f"{next(iter(expected))} is missing")


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(entry)
    if content is None:
        raise ValueError(f"{entry.name} is no file")
    return content


def _inside(folder: Path, name: str) -> Path:
    """Where a file of the archive goes: inside the folder, whatever its name says."""
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name:
        raise ValueError(f"{name!r} leads out of the folder")
    return folder.joinpath(*parts)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
