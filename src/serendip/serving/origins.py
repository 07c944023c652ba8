"""Origins: which pages from elsewhere may use the service through a browser (CORS). None, unless they are named.

Browsers let a page read an answer, and send it anything but plain forms, only where the answer names the page's
origin. The service never allows credentials: there are no cookies, and a key is sent by who has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from serendip.data import InputError

Headers = tuple[tuple[bytes, bytes], ...]

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_DEFAULT_PORT = re.compile(r"^(http://.*):80$|^(https://.*):443$")
_VARY = (b"vary", b"Origin")


class Origins:
    """The named origins, compared as whole texts."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        """Raises InputError: one is not an origin such as `https://shop.example`."""
        self._known = frozenset(origin_of(name).encode() for name in named)

    def __bool__(self) -> bool:
        return bool(self._known)

    def headers(self, sent: bytes | None) -> Headers:
        """What an answer to a request with this `Origin` carries."""
        if not self._known:
            return ()
        if sent not in self._known:
            return (_VARY,)
        assert sent is not None
        return (
            _VARY,
            (b"access-control-allow-origin", sent),
            (b"access-control-expose-headers", b"x-request-id, retry-after"),
        )

    def preflight(self, sent: bytes | None) -> Headers | None:
        """What answers a browser that asks before it sends; None where it must not."""
        if sent is None or sent not in self._known:
            return None
        return (
            (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
            (b"access-control-allow-headers", b"authorization, content-type, x-api-key, x-request-id"),
            (b"access-control-max-age", b"600"),
        )


def origin_of(name: str) -> str:
    """The origin as browsers write it.

    Raises:
        InputError: it is not one; `*` is none either.
    """
    origin = name.strip().lower().removesuffix("/")
    if not _ORIGIN.fullmatch(origin):
        raise InputError(f"{name!r} is not an origin; one reads like https://shop.example or http://localhost:3000")
    return _DEFAULT_PORT.sub(r"\1\2", origin)
