"""Pictures: the right file, and no other."""

from __future__ import annotations

import pytest

from serendip.serving.routes import pictures


def put_image(client, image: object) -> None:
    assert client("PUT", "/v1/items/pictured", json={"attributes": {"image": image}}).status_code == 200


def test_a_picture_is_served_and_may_be_kept(client, shop) -> None:
    answer = client.get("/v1/items/i1/image")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == (shop.pictures_dir / "i1.png").read_bytes()
    assert "max-age=604800" in answer.headers["cache-control"]


@pytest.fixture
def secret(shop):
    """Files that are pictures by name and lie outside of the pictures folder."""
    (shop.path / "secret.png").write_bytes(b"secret")
    (shop.path / "pictures2").mkdir(exist_ok=True)
    (shop.path / "pictures2" / "secret.png").write_bytes(b"secret")
    link = shop.pictures_dir / "link.png"
    if not link.is_symlink():
        link.symlink_to(shop.path / "secret.png")
    return str(shop.path / "secret.png")


OUTSIDE = [
    "secret.png",
    "pictures/../secret.png",
    "./secret.png",
    "pictures/link.png",
    "pictures2/secret.png",
    "{secret}",
]


@pytest.mark.parametrize("image", OUTSIDE)
def test_no_picture_is_served_from_elsewhere(client, is_problem, secret, image) -> None:
    put_image(client, image.format(secret=secret))
    is_problem(client.get("/v1/items/pictured/image"), 404, "not-found")


@pytest.mark.parametrize("image", OUTSIDE)
def test_without_the_guard_it_is(client, secret, monkeypatch, image) -> None:
    monkeypatch.setattr(pictures, "inside", lambda path, folder: True)
    put_image(client, image.format(secret=secret))
    assert client.get("/v1/items/pictured/image").content == b"secret"


@pytest.mark.parametrize(
    "image",
    [
        "serendip.db",
        "pictures",
        "pictures/none.png",
        "pictures/\x00.png",
        "a" * 5_000 + ".png",
        "",
        7,
        None,
        ["i1.png"],
    ],
)
def test_what_is_no_picture_is_not_found(client, is_problem, image) -> None:
    put_image(client, image)
    is_problem(client.get("/v1/items/pictured/image"), 404, "not-found")


def test_a_page_that_can_carry_scripts_is_no_picture(client, is_problem, shop) -> None:
    (shop.pictures_dir / "drawn.svg").write_text("<svg/>")
    put_image(client, "pictures/drawn.svg")
    is_problem(client.get("/v1/items/pictured/image"), 404, "not-found")
