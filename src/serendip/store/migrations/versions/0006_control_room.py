"""Rules of the shop, who changed what, what was imported; items and moments that are quick to look up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "rules",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("seq", SEQUENCE, primary_key=True),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("key_id", TEXT),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("target", TEXT),
        sa.Column("status", sa.BigInteger, nullable=False),
        sa.Column("request_id", TEXT),
    )
    op.create_table(
        "imports",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("body", TEXT, nullable=False),
    )
    op.create_index("events_of_item", "events", ["item_id", "seq"])
    op.create_index("exposures_of_time", "exposures", ["time_ms"])
    op.drop_index("ix_exposures_user_id", "exposures")
    op.create_index("exposures_of_user", "exposures", ["user_id", "time_ms", "request_id"])
