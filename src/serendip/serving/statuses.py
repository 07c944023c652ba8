"""Statuses: which problems an operation may answer, for the OpenAPI document; what is not there is never answered."""

from __future__ import annotations

from typing import Any

from serendip.serving.access import ANYBODY, POLICY, READ, UNLIMITED
from serendip.serving.problems import KINDS, MEDIA_TYPE

Operation = dict[str, Any]

ALWAYS = (  # the gate and the connection answer these
    "malformed-request",
    "too-slow",
    "too-large",
    "misdirected",
    "headers-too-large",
    "internal-error",
    "overloaded",
    "timed-out",
)
LIMITED = ("too-many-requests",)
KEYED = ("key-needed", "key-insufficient")
WITH_INPUT = ("invalid-request",)
WITH_BODY = ("unsupported-media-type",)
WITH_ID = ("not-found",)
OF_STORE = ("store-unavailable",)
OF_WRITING = ("store-read-only", "insufficient-storage")
CONFLICTING = {("PUT", "/v1/recipe"), ("POST", "/v1/models:train")}
READY_PATH, ALIVE_PATH = "/readyz", "/healthz"


def problems_of(method: str, path: str, operation: Operation) -> set[str]:
    """The names of the problems, see `problems.KINDS`."""
    names = {*ALWAYS}
    if POLICY[method, path] != ANYBODY:
        names |= {*KEYED}
    if path not in UNLIMITED:
        names |= {*LIMITED}
    if "parameters" in operation or "requestBody" in operation:
        names |= {*WITH_INPUT}
    if "requestBody" in operation:
        names |= {*WITH_BODY}
    if "{" in path:
        names |= {*WITH_ID}
    if path != ALIVE_PATH:
        names |= {*OF_STORE}
    if method != "GET" and POLICY[method, path] != READ:
        names |= {*OF_WRITING}
    if (method, path) in CONFLICTING:
        names.add("conflict")
    if path == READY_PATH:
        names.add("not-ready")
    return names


def declare(document: dict[str, Any]) -> None:
    """Write the problems of every operation into an OpenAPI document, in place of `default`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            responses.pop("default", None)
            for name in KINDS:
                if name in problems_of(method.upper(), path, operation):
                    kind = KINDS[name]
                    known = responses.get(str(kind.status))
                    title = f"{known['description']}; or: {kind.title}" if known else kind.title
                    responses[str(kind.status)] = {"description": title, "content": content}
