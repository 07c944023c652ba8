"""Rules: what a shop decides beside its models, each as the JSON that was sent, under a version of them all."""

from __future__ import annotations

import json

import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.data.attributes import to_json
from serendip.errors import InputError
from serendip.store.records import StoredRule
from serendip.store.schema import RULES, inserting, meta, rules

MOST = 500
"""Rules of one store."""


def read(connection: Connection) -> list[StoredRule]:
    """All of them, oldest first."""
    rows = connection.execute(sa.select(rules).order_by(rules.c.created_ms, rules.c.id))
    return [StoredRule(id_, json.loads(body), created_ms) for id_, body, created_ms in rows]


def version(connection: Connection) -> int:
    return connection.execute(sa.select(meta.c.value).where(meta.c.name == RULES)).scalar() or 0


def add(connection: Connection, rule: StoredRule) -> None:
    """Who writes takes turns, so nobody takes the last room twice."""
    if connection.execute(sa.select(sa.func.count()).select_from(rules)).scalar_one() >= MOST:
        raise InputError(f"there are {MOST} rules already, which is the most; delete one first")
    row = {"id": rule.id, "body": to_json(rule.body), "created_ms": rule.created_ms}
    connection.execute(sa.insert(rules), row)
    _changed(connection)


def replace(connection: Connection, rule: StoredRule) -> bool:
    """Give a rule another body; whether there is one of that id."""
    changed = sa.update(rules).where(rules.c.id == rule.id).values(body=to_json(rule.body))
    return _changed(connection) if connection.execute(changed).rowcount else False


def delete(connection: Connection, id_: str) -> bool:
    """Whether there was one."""
    return _changed(connection) if connection.execute(sa.delete(rules).where(rules.c.id == id_)).rowcount else False


def _changed(connection: Connection) -> bool:
    first = inserting(connection, meta).values(name=RULES, value=1)
    connection.execute(first.on_conflict_do_update(index_elements=["name"], set_={"value": meta.c.value + 1}))
    return True
