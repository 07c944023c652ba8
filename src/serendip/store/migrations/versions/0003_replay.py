"""What an answer needs to be given again: what was asked, and where the log and the catalogue stood."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("exposures", sa.Column("request", TEXT))
    op.add_column("exposures", sa.Column("position", sa.BigInteger))
    op.add_column("exposures", sa.Column("catalogue_version", sa.BigInteger))
