"""What people say: a text of an event, and the few that have one by their person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("events", sa.Column("text", sa.Text().with_variant(sa.Text(collation="C"), "postgresql")))
    known = sa.text("text IS NOT NULL")
    op.create_index("events_said", "events", ["user_id", "time_ms", "seq"], sqlite_where=known, postgresql_where=known)
