"""Keys: who may do what over HTTP. A key is shown once, when it is made; the store keeps a hash of it.

A key reads `sk_<id>_<secret>`: the id may be shown and logged, the secret is 256 random bits. So many bits need no slow
hash: SHA-256 cannot be searched backwards through them.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from serendip.errors import InputError
from serendip.store.records import Key
from serendip.store.schema import keys

SCOPES = {
    "recommend:read": "ask for lists, items and pictures",
    "events:write": "record what people do",
    "data:read": "look at items and people, and at what was shown to them",
    "data:write": "the same, and change them",
    "control:read": "look at all that the control room shows, and change nothing",
    "admin": "all of this, and export, erasure, imports, models, experiments, rules, backups and keys",
}
DAY_MS = 86_400_000
LONGEST_NAME = 100
_FORM = re.compile(r"sk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


def make(name: str, scopes: Sequence[str], days: float | None = None) -> tuple[Key, str]:
    """A new key and its text, which is in no other place.

    Raises:
        InputError: a scope is unknown, there is none, or the name is empty or too long.
    """
    if not 0 < len(name) <= LONGEST_NAME:
        raise InputError(f"a key needs a name of at most {LONGEST_NAME} characters")
    if not scopes:
        raise InputError(f"a key needs a scope; the scopes are {', '.join(SCOPES)}")
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise InputError(f"there is no scope {unknown[0]!r}; the scopes are {', '.join(SCOPES)}")
    id_ = secrets.token_hex(6)
    text = f"sk_{id_}_{secrets.token_urlsafe(32)}"
    now_ms = time.time_ns() // 1_000_000
    expires_ms = None if days is None else now_ms + int(days * DAY_MS)
    return Key(id_, name, _hash(text), tuple(sorted(set(scopes))), now_ms, expires_ms), text


def matching(text: str, known: Sequence[Key], now_ms: int) -> Key | None:
    """The valid key that `text` is, in a time that does not tell how much of it is right."""
    form = _FORM.fullmatch(text)
    id_ = form[1] if form else ""
    hashed, found = _hash(text), None
    for key in known:
        if hmac.compare_digest(key.secret_sha256, hashed) and key.id == id_ and key.valid(now_ms):
            found = key
    return found


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def add(connection: Connection, key: Key) -> None:
    connection.execute(sa.insert(keys), {**vars(key), "scopes": json.dumps(key.scopes)})


def read(connection: Connection) -> list[Key]:
    """All keys, those that are no longer valid too, oldest first."""
    rows = connection.execute(sa.select(keys).order_by(keys.c.created_ms, keys.c.id)).mappings()
    return [_key(dict(row)) for row in rows]


def _key(row: dict[str, Any]) -> Key:
    return Key(**{**row, "scopes": tuple(json.loads(row["scopes"]))})


def revoke(connection: Connection, id_: str, now_ms: int, keep_an_admin: bool) -> bool:
    """Whether there was such a key; one that was revoked before keeps its time."""
    if keep_an_admin:
        _check_left(read(connection), id_, now_ms)
    changed = sa.update(keys).where(keys.c.id == id_).values(revoked_ms=sa.func.coalesce(keys.c.revoked_ms, now_ms))
    return connection.execute(changed).rowcount > 0


def _check_left(known: Sequence[Key], id_: str, now_ms: int) -> None:
    admins = [key.id for key in known if "admin" in key.scopes and key.valid(now_ms)]
    if admins == [id_]:
        raise InputError(
            f"the key {id_} is the last one with the scope admin and cannot be revoked over HTTP; "
            "make another first, or use `serendip keys revoke`"
        )
