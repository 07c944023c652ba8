"""Search by picture over HTTP: found, refused in a sentence, not kept; and items that join are found by theirs."""

from __future__ import annotations

import base64
import io
import json
import time

import pytest
from PIL import Image

from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.recipe import PictureSearch
from serendip.training import FitOptions

SOON_S = 1.0


def png(seed: int) -> bytes:
    stream = io.BytesIO()
    colour = (seed * 37 % 256, seed * 91 % 256, seed * 151 % 256)
    picture = Image.new("RGB", (64, 64), colour)
    picture.paste((255 - colour[0], 0, 255), (4 + seed % 20, 8, 20 + seed % 40, 50))
    picture.save(stream, "PNG")
    return stream.getvalue()


def told(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def sighted(untrained):
    for number in range(20):
        (untrained.pictures_dir / f"i{number}.png").write_bytes(png(number))
    reading = untrained.read()
    recipe = Recipe(name="sighted", sources=[{"model": "ease"}], picture=PictureSearch(encoder="looks"))
    untrained.adopt(Pipeline(recipe).fit(reading.dataset, FitOptions(threads=1, pictures=untrained.path)), reading)
    return untrained


def test_an_item_is_found_by_a_picture_and_the_picture_is_not_kept(sighted, ask_of) -> None:
    client = ask_of(sighted)
    with client.living():
        assert client.listed(image=told(png(7)), limit=1) == ["i7"]
        answer = client.post("/v1/recommendations", {"image": told(png(7)), "limit": 2, "include": ["reasons"]}).json()
        assert answer["items"][0]["reasons"][0]["code"] == "image"
        shown = client("GET", f"/v1/recommendations/{answer['request_id']}").json()
        assert shown["replay"]["notes"] == ["the picture that was asked with was not kept"]
        assert told(png(7))[:40] not in json.dumps(shown)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (told(b"no picture"), "the picture is no picture that can be opened"),
        ("/etc/passwd?", "base64"),
        ("serendip.db", "base64"),
        ("", "is no picture"),
        (7, "image"),
        (["a"], "image"),
        (told(b"\0" * 10_000_001), "at most"),
    ],
)
def test_what_is_no_picture_is_refused_and_nothing_else_is_lost(sighted, ask_of, is_problem, image, words) -> None:
    client = ask_of(sighted)
    with client.living():
        problem = is_problem(client.post("/v1/recommendations", {"image": image}), 422)
        assert words in json.dumps(problem)
        assert len(json.dumps(problem)) < 2_000
        assert client.listed(user_id="u0", limit=3)


def test_an_item_that_joins_is_found_by_its_picture_within_a_second(sighted, ask_of) -> None:
    client = ask_of(sighted)
    with client.living():
        (sighted.pictures_dir / "late.png").write_bytes(png(99))
        started = time.perf_counter()
        put = {"attributes": {"title": "Late", "image": "pictures/late.png"}}
        assert client("PUT", "/v1/items/late", json=put).status_code < 300
        while client.listed(image=told(png(99)), limit=1) != ["late"]:
            assert time.perf_counter() - started < SOON_S
        for name in ("../../secret.png", "/etc/passwd", "pictures/none.png", "http://example.org/a.png", 7):
            put = {"attributes": {"title": "Odd", "image": name}}
            assert client("PUT", "/v1/items/odd", json=put).status_code < 300
            assert client.listed(image=told(png(99)), limit=1) == ["late"]
