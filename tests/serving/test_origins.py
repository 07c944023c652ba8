"""Pages from elsewhere: nothing by default, and only for the origins that were named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from serendip.data import InputError
from serendip.serving import create_app
from serendip.serving.origins import Origins, origin_of
from serendip.store import Workspace
from tests.serving.conftest import Client

SHOP = "https://shop.example"
OTHERS = [
    "https://evil.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://shop.example.evil.example",
    "https://evilshop.example",
    "https://SHOP.example",
    "null",
    "*",
    "",
]
ASKS = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,authorization",
}


@pytest.fixture(scope="module")
def open_to_shop(shop: Workspace) -> Iterator[Client]:
    client = Client(create_app(shop, origins=[SHOP, "http://localhost:3000/"]))
    yield client
    client.close()


def test_a_named_origin_may_ask_and_read(open_to_shop: Client) -> None:
    asked = open_to_shop("OPTIONS", "/v1/recommendations", headers={"origin": SHOP, **ASKS})
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == SHOP
    assert {"authorization", "content-type"} <= set(asked.headers["access-control-allow-headers"].split(", "))
    assert "POST" in asked.headers["access-control-allow-methods"]
    answer = open_to_shop.post("/v1/recommendations", {}, headers={"origin": SHOP})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["vary"] == "Origin"
    assert open_to_shop.get("/nothing", headers={"origin": "http://localhost:3000"}).headers[
        "access-control-allow-origin"
    ]  # failures can be read, too


@pytest.mark.parametrize("origin", OTHERS)
def test_no_other_may(open_to_shop: Client, origin: str) -> None:
    asked = open_to_shop("OPTIONS", "/v1/recommendations", headers={"origin": origin, **ASKS})
    assert asked.status_code == 405
    answer = open_to_shop.get("/v1/trending", headers={"origin": origin})
    for one in (asked, answer):
        assert not [name for name in one.headers if name.startswith("access-control")]
        assert one.headers["vary"] == "Origin"  # a cache must not hand one page's answer to another


def test_nobody_may_where_none_is_named(client: Client) -> None:
    asked = client("OPTIONS", "/v1/recommendations", headers={"origin": SHOP, **ASKS})
    assert asked.status_code == 405
    for one in (asked, client.get("/v1/trending", headers={"origin": SHOP})):
        assert not [name for name in one.headers if name.startswith("access-control")]


def test_credentials_are_never_allowed(open_to_shop: Client) -> None:
    asked = open_to_shop("OPTIONS", "/v1/events", headers={"origin": SHOP, **ASKS})
    assert "access-control-allow-credentials" not in asked.headers
    assert asked.headers["access-control-allow-origin"] != "*"


def test_options_that_are_no_preflight_stay_what_they_are(open_to_shop: Client) -> None:
    assert open_to_shop("OPTIONS", "/v1/events", headers={"origin": SHOP}).status_code == 405


@pytest.mark.parametrize("name", ["*", "", "shop.example", "https://", "https://a/b", "https://*.a", "ftp://a", "null"])
def test_what_is_no_origin_cannot_be_named(name: str) -> None:
    with pytest.raises(InputError, match="not an origin"):
        Origins([name])


def test_origins_are_compared_as_browsers_write_them() -> None:
    assert origin_of("HTTPS://Shop.Example:443/") == SHOP
    assert origin_of("http://a:80") == "http://a"
    assert origin_of("http://[::1]:3000") == "http://[::1]:3000"
    assert origin_of("https://a:80") == "https://a:80"
