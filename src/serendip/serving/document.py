"""Document: `docs/http_api.md`, written from the OpenAPI document by `python -m serendip.serving.document [FILE]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serendip.serving.app import bare_app
from serendip.serving.problems import KINDS

Schema = dict[str, Any]

_TITLES = {
    "lists": "Lists",
    "events": "Events",
    "items": "Items",
    "users": "Users",
    "experiments": "Experiments",
    "operation": "Operation",
    "access": "Access",
    "data": "Data",
    "gorse": "Addresses of gorse",
}


_FIRST_STEPS = """\
The same as an OpenAPI 3.1 document: `GET /openapi.json`. Each answer carries `X-Request-Id`, the one that was sent or a
new one. Bodies are sent with `Content-Type: application/json` and have at most 1 MiB, those of events 32 MiB, those
of recommendations, which may hold a picture, 14 MiB, and files to import, which are sent as
`Content-Type: application/octet-stream`, 128 MiB.

    curl http://127.0.0.1:8000/v1/events --json '{"type": "like", "user_id": "ann", "item_id": "i12"}'
    curl http://127.0.0.1:8000/v1/recommendations --json '{"user_id": "ann", "limit": 5, "include": ["reasons"]}'

A person without an account is the `anonymous_id` of their events; everywhere else the same person is also the user
`anonymous:` followed by that id. An id with a slash is written `%2F` in a path; the ids `.` and `..`, which clients
resolve before they ask, are reached through bodies only.
"""


def markdown() -> str:
    """The whole page."""
    document = bare_app().openapi()
    return "\n".join([*_head(document), *_operations(document), *_schemas(document), *_problems()]).rstrip() + "\n"


def _head(document: Schema) -> Iterator[str]:
    yield "<!-- Written by `python -m serendip.serving.document docs/http_api.md`; do not edit. -->"
    yield f"# HTTP API\n\n{document['info']['description']}\n"
    yield _FIRST_STEPS


def _operations(document: Schema) -> Iterator[str]:
    for tag, title in _TITLES.items():
        yield f"## {title}\n"
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag in operation["tags"]:
                    yield from _operation(method.upper(), path, operation)


def _operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"### `{method} {path}`\n"
    if "description" in operation:
        yield operation["description"] + "\n"
    for parameter in operation.get("parameters", []):
        note = f" {parameter['description']}" if "description" in parameter else ""
        kind = _kind(parameter["schema"]) + _default(parameter["schema"])
        yield f"- `{parameter['name']}` in the {parameter['in']}: {kind}.{note}"
    if "requestBody" in operation:
        shapes = (_kind(media["schema"]) for media in operation["requestBody"]["content"].values())
        yield f"- Body: {' or '.join(dict.fromkeys(shapes))}."
    for status, response in operation["responses"].items():
        if status < "400":  # the problems have a table of their own
            shapes = (_kind(media.get("schema", {}), kind) for kind, media in response.get("content", {}).items())
            yield f"- {status}: {' or '.join(dict.fromkeys(shapes)) or 'no content'}."
    yield ""


def _schemas(document: Schema) -> Iterator[str]:
    yield "## Shapes\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"### {name}\n"
        if "description" in schema:
            yield schema["description"] + "\n"
        yield "| field | type | |\n|---|---|---|"
        required = schema.get("required", [])
        for field, about in schema.get("properties", {}).items():
            mark = " (required)" if field in required else ""
            kind = _kind(about) + _default(about)
            yield f"| `{field}`{mark} | {_cell(kind)} | {_cell(about.get('description', ''))} |"
        yield ""


def _problems() -> Iterator[str]:
    yield "## Problems\n"
    yield "| `type` | status | meaning |\n|---|---|---|"
    for name, kind in KINDS.items():
        yield f"| `urn:serendip:problem:{name}` | {kind.status} | {kind.title} |"


def _kind(schema: Schema, otherwise: str = "anything") -> str:
    """The type of a schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum") or [schema["const"]])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}{_bounds(schema, 'Items', ' entries')}"
    if schema.get("type") == "object" and "properties" in schema:
        return "object with " + ", ".join(f"`{name}`: {_kind(one)}" for name, one in schema["properties"].items())
    return f"{schema.get('type', otherwise)}{_bounds(schema, 'Length', ' characters')}{_bounds(schema, 'imum', '')}"


def _bounds(schema: Schema, what: str, unit: str) -> str:
    low, high = schema.get(f"min{what}"), schema.get(f"max{what}")
    if high is None:
        return ""
    return f" ({f'{low:g} to' if low is not None else 'at most'} {high:,g}{unit})"


def _default(schema: Schema) -> str:
    value = schema.get("default")
    return "" if value in (None, [], {}) else f", otherwise `{json.dumps(value)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: list[str]) -> None:
    """Write the page to the file named, or to standard output."""
    if arguments:
        Path(arguments[0]).write_text(markdown(), encoding="utf-8")
    else:
        sys.stdout.write(markdown())


if __name__ == "__main__":
    main(sys.argv[1:])
