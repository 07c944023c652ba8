"""Rules of the shop in a store, the same for every engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from serendip.data import InputError
from serendip.store import Store, StoredRule
from serendip.store.rules import MOST

HIDE = StoredRule("r1", {"name": "没有茶 <b>", "kind": "hide", "item_ids": ["i1", "i'2"]}, 1_000)
PIN = StoredRule("r2", {"name": "tea first", "kind": "pin", "item_ids": ["i3"], "position": 1}, 1_000)


def test_rules_come_back_oldest_first(store: Store, reopen: Callable[[], Store]) -> None:
    assert (store.rules(), store.rules_version()) == ([], 0)
    for rule in (PIN, HIDE):
        store.add_rule(rule)
    other = reopen()
    assert other.rules() == [HIDE, PIN]
    assert other.rules_version() == 2
    other.close()


def test_every_change_is_counted_and_no_other(store: Store) -> None:
    store.add_rule(HIDE)
    changed = replace(HIDE, body={**HIDE.body, "item_ids": []}, created_ms=5_000)
    assert store.replace_rule(changed)
    assert store.rules() == [replace(changed, created_ms=1_000)]
    assert store.rules_version() == 2
    assert not store.replace_rule(replace(PIN, id="nothing"))
    assert not store.delete_rule("nothing")
    assert store.rules_version() == 2
    assert store.delete_rule("r1")
    assert (store.rules(), store.rules_version()) == ([], 3)


def test_there_is_an_end_to_rules(store: Store) -> None:
    for number in range(MOST):
        store.add_rule(replace(HIDE, id=f"r{number}"))
    with pytest.raises(InputError, match="500 rules already"):
        store.add_rule(replace(HIDE, id="one more"))
    assert len(store.rules()) == store.rules_version() == MOST
