"""The tables of a store, for every engine, and the one statement that engines spell differently."""

from __future__ import annotations

from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from serendip.store.records import Kind

Insert: TypeAlias = sqlite.Insert | postgresql.Insert

HEAD = "0008"
"""The newest revision in `migrations/versions`; what `metadata` says."""
OLDEST = "0001"
"""Stores from before revisions were written down."""
ERASURES = "erasures"
"""The row of `meta` that counts them; it is absent before the first."""
RULES = "rules_version"
"""The row of `meta` that counts changes of rules; it is absent before the first."""
FRIEND = "friend"  # the relation that links two people; every other starts at an item

metadata = sa.MetaData()


def _sequence() -> sa.Column[int]:
    """The order of arrival."""
    return sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""In the order of its UTF-8 bytes, as SQLite has it, whatever language a server speaks."""


def _text(name: str, *, null: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null, unique=unique or None)


def _index_of_known(name: str, known: sa.Column[str], *columns: sa.Column[str] | sa.Column[int]) -> None:
    """An index of the rows alone in which `known` stands."""
    where = known.is_not(None)
    sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


alembic_version = sa.Table(
    "alembic_version",
    metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", TEXT, primary_key=True),  # catalogue_version, erasures, rules_version, used:<id of a key>
    sa.Column("value", sa.BigInteger, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    _sequence(),
    _text("event_id", unique=True),
    _text("user_id"),
    _text("item_id"),  # empty: it is about none, and has a text
    _text("type"),
    sa.Column("value", sa.Double),
    sa.Column("time_ms", sa.BigInteger),  # null: imported without a time
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    _text("request_id", null=True),
    sa.Column("position", sa.BigInteger),
    _text("surface", null=True),
    _text("context", null=True),  # JSON, keys sorted
    _text("text", null=True),  # what the person said
)
# All that a history tells, so that it lies in one place instead of one page of the table for each event.
sa.Index(
    "events_of_user",
    *(events.c[name] for name in ("user_id", "time_ms", "seq", "item_id", "type", "value")),
)
sa.Index("events_of_item", events.c.item_id, events.c.seq)
_index_of_known("events_of_request", events.c.request_id, events.c.request_id)
_index_of_known("events_said", events.c.text, events.c.user_id, events.c.time_ms, events.c.seq)

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
    sa.Column("request_id", TEXT, primary_key=True),
    sa.Column("user_id", TEXT),
    sa.Column("time_ms", sa.BigInteger, nullable=False),
    _text("surface"),
    _text("model_version"),
    _text("recipe"),
    _text("items"),  # JSON
    _text("request", null=True),  # JSON
    sa.Column("position", sa.BigInteger),  # in the log of events, for the one who asked
    sa.Column("catalogue_version", sa.BigInteger),
    _text("experiment", null=True),
    _text("arm", null=True),
    _text("drawn", null=True),  # JSON; null: nothing was
)
sa.Index("exposures_of_user", *(exposures.c[name] for name in ("user_id", "time_ms", "request_id")))
sa.Index("exposures_of_time", exposures.c.time_ms)
_index_of_known("exposures_of_experiment", exposures.c.experiment, exposures.c.experiment, exposures.c.time_ms)
_index_of_known("exposures_drawn", exposures.c.drawn, exposures.c.time_ms)

experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    _text("name"),
    _text("kind"),
    _text("arms"),  # JSON
    sa.Column("traffic", sa.Double, nullable=False),
    sa.Column("begins", sa.Double, nullable=False),  # where its stretch of the traffic begins
    sa.Column("worth", sa.Double, nullable=False),
    _text("surface", null=True),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("stopped_ms", sa.BigInteger),
    _text("stopped_why", null=True),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", TEXT, primary_key=True),  # the part of a key that may be shown
    _text("name"),
    _text("secret_sha256"),
    _text("scopes"),  # JSON, sorted
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger),
    sa.Column("revoked_ms", sa.BigInteger),
)

rules = sa.Table(
    "rules",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    _text("body"),  # JSON
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    _sequence(),
    sa.Column("time_ms", sa.BigInteger, nullable=False),
    _text("key_id", null=True),  # null: without a key, where none is needed
    _text("action"),  # the method and the template of the route
    _text("target", null=True),  # which thing; a person only as a digest
    sa.Column("status", sa.BigInteger, nullable=False),
    _text("request_id", null=True),
    _text("detail", null=True),  # JSON
)

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("time_ms", sa.BigInteger, nullable=False),
    _text("body"),  # JSON: what was read, what was refused
)

ENTITIES: dict[Kind, sa.Table] = {"items": items, "users": users}
ID_COLUMN: dict[Kind, str] = {"items": "item_id", "users": "user_id"}


def inserting(connection: Connection, table: sa.Table) -> Insert:
    """An insert that can say what happens `on_conflict`, in the words of the engine."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
