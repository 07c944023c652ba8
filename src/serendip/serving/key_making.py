"""Key making: keys made over HTTP, none of which opens or lasts more than the one that made it."""

from __future__ import annotations

from collections.abc import Sequence

from serendip.data import InputError
from serendip.serving.problems import Refused
from serendip.store import Key, Store
from serendip.store.keys import make


def make_key(
    store: Store, maker_id: str | None, name: str, scopes: Sequence[str], days: float | None
) -> tuple[Key, str]:
    """A new key, and its text, for whoever asked with the key `maker_id` (None: without one).

    Raises:
        InputError: the first key would lock its maker out.
        Refused: it would open or last more than the key of its maker; or there are keys, and none was sent.
    """
    key, text = make(name, scopes, days)
    made = store.keys()
    known = {one.id: one for one in made}
    if maker_id is None:
        _check_first(known, key)
    else:
        _check_within(known[maker_id], key)
    store.add_key(key)
    return key, text


def _check_first(known: dict[str, Key], key: Key) -> None:
    if known:  # made by somebody else a moment ago
        raise Refused("key-needed", "there are keys by now: send one")
    if "admin" not in key.scopes or key.expires_ms is not None:
        raise InputError(
            "the first key must have the scope admin and no end: from then on every request needs a key, "
            "and without this one nobody could make others"
        )


def _check_within(maker: Key, key: Key) -> None:
    for scope in key.scopes:
        if not maker.may(scope):
            raise Refused("key-insufficient", f"the key {maker.id} does not have the scope {scope} to pass on")
    if maker.expires_ms is not None and (key.expires_ms is None or key.expires_ms > maker.expires_ms):
        raise Refused("key-insufficient", f"the key {maker.id} ends before the new one would; give it fewer days")
