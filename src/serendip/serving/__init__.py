"""Serving: the live engine, the HTTP API and the pages."""

from serendip.serving.app import create_app
from serendip.serving.server import serve

__all__ = ["create_app", "serve"]
