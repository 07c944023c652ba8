"""Application: the service as an ASGI application, for servers that are told of one by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from serendip.serving.app import create_app
from serendip.store import Workspace

VARIABLE = "SERENDIP_BENCHMARK_WORKSPACE"


def create() -> Any:
    """Over the workspace that the environment names; it is open as long as the process lives."""
    return create_app(Workspace.open(Path(os.environ[VARIABLE])))
