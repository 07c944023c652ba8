"""Logs: one line per record, as text or JSON, without the values that people and programmes put into messages.

What a message says about ids and keys is ours to keep out; what an exception says is not: `KeyError` names the key,
a database names its parameters. So of exceptions only the types and the places are written, and of other packages'
records only the fixed first line.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

Style = Literal["quiet", "text", "json"]
OURS = "serendip"
DEEPEST = 30
"""Places that are written of one exception, the innermost."""

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The request that is being answered; threads that work for it see it too."""

requests = logging.getLogger("serendip.requests")
"""One record per request at INFO, whose `fields` say what it was."""


class Discreet(logging.Formatter):
    """Text without the values of exceptions."""

    def format(self, record: logging.LogRecord) -> str:
        fields = content(record)
        trace = fields.pop("trace", ())
        head = [fields.pop("time"), fields.pop("level"), fields.pop("logger"), fields.pop("message")]
        return "\n  ".join([" ".join([*head, *(f"{name}={value}" for name, value in fields.items())]), *trace])


class Json(logging.Formatter):
    """The same as one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(content(record))


def content(record: logging.LogRecord) -> dict[str, Any]:
    """What is written of a record."""
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    message = record.getMessage() if _is_ours(record) else str(record.msg).partition("\n")[0]
    request_id = REQUEST_ID.get()
    told = {
        "time": moment.replace("+00:00", "Z"),
        "level": record.levelname,
        "logger": record.name,
        "message": message,
        **({"request_id": request_id} if request_id else {}),
        **getattr(record, "fields", {}),
    }
    error = record.exc_info[1] if record.exc_info else None
    return told if error is None else {**told, "trace": list(_trace(error))}


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def _trace(error: BaseException) -> Iterator[str]:
    """Types and places, the last cause first."""
    while True:
        yield f"{type(error).__module__}.{type(error).__qualname__}"
        for frame in traceback.extract_tb(error.__traceback__)[-DEEPEST:]:
            yield f"at {frame.filename}:{frame.lineno} in {frame.name}"
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            return
        error = cause


def configure(style: Style, stream: TextIO | None = None) -> None:
    """Write the records of this process to `stream`, which is standard error; quiet is warnings and faults alone.

    A process that has its own way of logging keeps it.
    """
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Json() if style == "json" else Discreet())
    root.addHandler(handler)
    requests.setLevel(logging.NOTSET if style == "quiet" else logging.INFO)
