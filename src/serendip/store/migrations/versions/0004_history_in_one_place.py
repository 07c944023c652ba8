"""The index by person holds all that a history tells."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.drop_index("events_of_user", "events")
    op.create_index("events_of_user", "events", ["user_id", "time_ms", "seq", "item_id", "type", "value"])
