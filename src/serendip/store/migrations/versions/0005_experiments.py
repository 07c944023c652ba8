"""Experiments, and which of them and which arm an answer belonged to."""

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
    op.add_column("exposures", sa.Column("experiment", TEXT))
    op.add_column("exposures", sa.Column("arm", TEXT))
    op.create_index("exposures_of_experiment", "exposures", ["experiment", "time_ms"], **_where("experiment"))
    op.create_index("events_of_request", "events", ["request_id"], **_where("request_id"))


def _where(column: str) -> dict[str, sa.TextClause]:
    known = sa.text(f"{column} IS NOT NULL")
    return {"sqlite_where": known, "postgresql_where": known}
