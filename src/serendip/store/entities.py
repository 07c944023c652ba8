"""Items and users: an id with attributes, written, merged and read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import Connection

from serendip.store.frames import attribute_text
from serendip.store.log import LOOKUP, batches
from serendip.store.records import Attributes, Kind
from serendip.store.schema import ENTITIES, inserting, meta

Row = dict[str, Any]


def row(kind: Kind, id_: str, attributes: Attributes, where: str) -> Row:
    """A row to write; `where` names it in the InputError that an impossible attribute raises."""
    text = attribute_text(attributes, where)
    if kind == "users":
        return {"id": id_, "attributes": text}
    return {"id": id_, "attributes": text, "hidden": bool(attributes.get("hidden"))}


def write(connection: Connection, kind: Kind, rows: Sequence[Row]) -> None:
    """Insert the rows, or replace what is stored under their ids; their place in the order stays."""
    if not rows:
        return
    table = ENTITIES[kind]
    statement = inserting(connection, table)
    replaced = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=replaced), rows)
    changed(connection, kind)


def changed(connection: Connection, kind: Kind) -> None:
    """Say that there is a new version of the catalogue."""
    if kind == "items":
        version = meta.c.name == "catalogue_version"
        connection.execute(sa.update(meta).where(version).values(value=meta.c.value + 1))


def read(connection: Connection, kind: Kind, ids: Sequence[str]) -> dict[str, Attributes]:
    """The attributes of the ids that are known."""
    table = ENTITIES[kind]
    query = sa.select(table.c.id, table.c.attributes).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
    found = [connection.execute(query, {"ids": list(some)}).all() for some in batches(ids, LOOKUP)]
    return {id_: attributes for some in found for id_, attributes in decoded(some)}


def page(connection: Connection, kind: Kind, limit: int, after: str | None) -> list[tuple[str, Attributes]]:
    """The next ids after `after`, in order."""
    table = ENTITIES[kind]
    query = sa.select(table.c.id, table.c.attributes).order_by(table.c.id).limit(limit)
    return decoded(connection.execute(query if after is None else query.where(table.c.id > after)).all())


def merged(attributes: Attributes, changes: Attributes) -> Attributes:
    """The attributes with the changes; None removes one."""
    return {
        name: value for name, value in {**attributes, **changes}.items() if value is not None or name not in changes
    }


def delete(connection: Connection, kind: Kind, id_: str) -> bool:
    """Remove one row; whether there was one."""
    table = ENTITIES[kind]
    found = connection.execute(sa.delete(table).where(table.c.id == id_)).rowcount > 0
    if found:
        changed(connection, kind)
    return found


def decoded(rows: Iterable[tuple[str, str] | sa.Row[str, str]]) -> list[tuple[str, Attributes]]:
    """Rows of id and attributes, with the attributes read, all at once."""
    columns = tuple(zip(*rows, strict=True)) or ((), ())
    return list(zip(columns[0], from_json(f"[{','.join(columns[1])}]"), strict=True))
