"""The tables of a store, for every engine, and the one statement that engines spell differently."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as _insert

from serendip.store.contract import Kind

VERSION = 1
FRIEND = "friend"  # the relation that links two people; every other starts at an item

metadata = sa.MetaData()


def _sequence() -> sa.Column[int]:
    """The order of arrival."""
    return sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


def _text(name: str, *, null: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null, unique=unique or None)


meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # schema_version, catalogue_version
    sa.Column("value", sa.BigInteger, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    _sequence(),
    _text("event_id", unique=True),
    _text("user_id"),
    _text("item_id"),
    _text("type"),
    sa.Column("value", sa.Double),
    sa.Column("time_ms", sa.BigInteger),  # null: imported without a time
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    _text("request_id", null=True),
    sa.Column("position", sa.BigInteger),
    _text("surface", null=True),
    _text("context", null=True),  # JSON, keys sorted
)
sa.Index("events_of_user", events.c.user_id, events.c.time_ms, events.c.seq)

items = sa.Table(
    "items",
    metadata,
    _sequence(),
    _text("id", unique=True),
    _text("attributes"),  # JSON
    sa.Column("hidden", sa.Boolean, nullable=False),  # what the attributes say, for queries
)

users = sa.Table("users", metadata, _sequence(), _text("id", unique=True), _text("attributes"))

relations = sa.Table(
    "relations",
    metadata,
    _sequence(),
    _text("head"),
    _text("relation"),
    _text("tail"),
    sa.UniqueConstraint("head", "relation", "tail"),
)

exposures = sa.Table(
    "exposures",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, index=True),
    sa.Column("time_ms", sa.BigInteger, nullable=False),
    _text("surface"),
    _text("model_version"),
    _text("recipe"),
    _text("items"),  # JSON
)

ENTITIES: dict[Kind, sa.Table] = {"items": items, "users": users}
ID_COLUMN: dict[Kind, str] = {"items": "item_id", "users": "user_id"}


def inserting(table: sa.Table) -> Insert:
    """An insert that can say what happens `on_conflict`."""
    return _insert(table)
