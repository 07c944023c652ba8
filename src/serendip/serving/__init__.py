"""Serving: the live engine, the HTTP API and the pages."""

from serendip.serving.app import create_app
from serendip.serving.server import check_address, serve

__all__ = ["check_address", "create_app", "serve"]
