"""Folders of encoders: what their files say, and which they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from serendip.errors import InputError


def said_in(file: Path) -> dict[str, Any]:
    """What a file says; nothing where there is none."""
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    return found if isinstance(found, dict) else {}


def digest_of(files: Sequence[Path]) -> str:
    """The SHA-256 of the SHA-256 of each."""
    joined = sha256()
    for file in files:
        with file.open("rb") as stream:
            joined.update(file_digest(stream, "sha256").digest())
    return joined.hexdigest()


def first_line(error: Exception) -> str:
    """Of what went wrong."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
