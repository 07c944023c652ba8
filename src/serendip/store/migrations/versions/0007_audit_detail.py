"""What came of an act that the audit names, such as how much an erasure removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("audit", sa.Column("detail", sa.Text().with_variant(sa.Text(collation="C"), "postgresql")))
