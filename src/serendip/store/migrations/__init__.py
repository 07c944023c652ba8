"""Migrations: how the tables of an older version become those of this one, step by step (Alembic).

To change the tables: change `schema.py`, add a file in `versions/` with the next number, set `schema.HEAD` to it.
A test upgrades an old store and compares.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

FOLDER = Path(__file__).parent


def revisions() -> list[str]:
    """All that there are, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables up to date, within the transaction that is open."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
