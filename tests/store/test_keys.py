"""Keys: what is kept of them, what they open, on every engine."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import pytest

from serendip.data import InputError
from serendip.store import Store, keys

NOW_MS = time.time_ns() // 1_000_000


def test_a_key_comes_back_without_its_secret(store: Store, reopen: Callable[[], Store]) -> None:
    key, text = keys.make("web", ["recommend:read", "events:write", "events:write"], days=30)
    store.add_key(key)
    other = reopen()
    assert other.keys() == [key]
    other.close()
    assert key.scopes == ("events:write", "recommend:read")
    assert text.startswith(f"sk_{key.id}_")
    assert text.split("_", 2)[2] not in str(key)
    assert 29 < (key.expires_ms - NOW_MS) / keys.DAY_MS <= 31


def test_no_two_keys_are_alike() -> None:
    made = [keys.make("web", ["admin"]) for _ in range(200)]
    assert len({text for _, text in made}) == len({key.id for key, _ in made}) == 200


def test_only_the_whole_text_is_the_key() -> None:
    key, text = keys.make("web", ["admin"])
    other, _ = keys.make("other", ["admin"])
    assert keys.matching(text, [other, key], NOW_MS) == key
    wrong = [
        "",
        "sk_",
        text[:-1],
        text + "A",
        text.upper(),
        key.id,
        key.secret_sha256,
        f" {text}",
        text.replace("sk", "pk"),
    ]
    wrong.append(text.replace(key.id, other.id))  # the secret of one under the name of another
    for attempt in wrong:
        assert keys.matching(attempt, [other, key], NOW_MS) is None, attempt
    assert keys.matching(text, [other], NOW_MS) is None


def test_a_key_ends_with_its_time_or_when_it_is_revoked(store: Store) -> None:
    key, text = keys.make("web", ["admin"], days=1)
    store.add_key(key)
    assert keys.matching(text, store.keys(), NOW_MS)
    assert keys.matching(text, store.keys(), NOW_MS + 2 * keys.DAY_MS) is None
    assert store.revoke_key(key.id)
    assert keys.matching(text, store.keys(), NOW_MS) is None
    (revoked,) = store.keys()
    assert store.revoke_key(key.id)
    assert store.keys() == [revoked]  # it keeps its time
    assert not store.revoke_key("nothing")


def test_admin_may_all_and_others_what_they_say() -> None:
    key, _ = keys.make("reader", ["recommend:read"])
    may = {
        one: {scope for scope in keys.SCOPES if dataclasses.replace(key, scopes=(one,)).may(scope)}
        for one in keys.SCOPES
    }
    assert may == {
        "recommend:read": {"recommend:read"},
        "events:write": {"events:write"},
        "data:read": {"data:read"},
        "data:write": {"data:read", "data:write"},
        "control:read": {"control:read", "data:read", "recommend:read"},
        "admin": set(keys.SCOPES),
    }


@pytest.mark.parametrize(("name", "scopes"), [("", ["admin"]), ("x" * 101, ["admin"]), ("a", []), ("a", ["root"])])
def test_impossible_keys_are_refused(name: str, scopes: list[str]) -> None:
    with pytest.raises(InputError, match=r"name of at most|the scopes are recommend:read"):
        keys.make(name, scopes)
