"""Experiments, which of them and which arm an answer belonged to, and which of its places were given by chance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("arms", TEXT, nullable=False),
        sa.Column("traffic", sa.Double, nullable=False),
        sa.Column("begins", sa.Double, nullable=False),
        sa.Column("worth", sa.Double, nullable=False),
        sa.Column("surface", TEXT),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("stopped_ms", sa.BigInteger),
        sa.Column("stopped_why", TEXT),
    )
    for name in ("experiment", "arm", "drawn"):
        op.add_column("exposures", sa.Column(name, TEXT))
    _index_of_known("exposures_of_experiment", "exposures", "experiment", ["experiment", "time_ms"])
    _index_of_known("exposures_drawn", "exposures", "drawn", ["time_ms"])
    _index_of_known("events_of_request", "events", "request_id", ["request_id"])


def _index_of_known(name: str, table: str, known: str, columns: list[str]) -> None:
    """An index of the rows alone in which `known` stands."""
    where = sa.text(f"{known} IS NOT NULL")
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
