"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _sequence() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


def _text(name: str, *, null: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null, unique=unique or None)


def upgrade() -> None:
    op.create_table(
        "meta",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        _sequence(),
        _text("event_id", unique=True),
        _text("user_id"),
        _text("item_id"),
        _text("type"),
        sa.Column("value", sa.Double),
        sa.Column("time_ms", sa.BigInteger),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        _text("request_id", null=True),
        sa.Column("position", sa.BigInteger),
        _text("surface", null=True),
        _text("context", null=True),
    )
    op.create_index("events_of_user", "events", ["user_id", "time_ms", "seq"])
    op.create_table(
        "items",
        _sequence(),
        _text("id", unique=True),
        _text("attributes"),
        sa.Column("hidden", sa.Boolean, nullable=False),
    )
    op.create_table("users", _sequence(), _text("id", unique=True), _text("attributes"))
    op.create_table(
        "relations",
        _sequence(),
        _text("head"),
        _text("relation"),
        _text("tail"),
        sa.UniqueConstraint("head", "relation", "tail"),
    )
    op.create_table(
        "exposures",
        sa.Column("request_id", TEXT, primary_key=True),
        sa.Column("user_id", TEXT, index=True),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        _text("surface"),
        _text("model_version"),
        _text("recipe"),
        _text("items"),
    )
    op.execute("INSERT INTO meta (name, value) VALUES ('schema_version', 1), ('catalogue_version', 0)")
