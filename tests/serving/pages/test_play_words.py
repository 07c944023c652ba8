"""The words of the page: complete in each language, and all of them used."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from serendip.serving import pages

PAGES = Path(pages.__file__).parent
SOURCES = [*PAGES.glob("static/**/*.js"), *PAGES.glob("templates/*.html")]
BOOKS = sorted(path.stem for path in PAGES.glob("static/words/*.json"))


BUILT = (
    *(r"(did|done|copied)_\w+", "(like|purchase|skip|hide)(_it)?", "yes|no|purpose"),
    *(r"(advice|because|alert|by)_\w+", "split|interleaving"),
    r"(does|about|field|stage|parts?|help|how|step|outcome|metric|drift|filter|limit|state|check|kind|unit|type|of)_\w+",
    *(r"(requests|writes|exposures|erasures)_note", r"\w+:\w+"),
)
"""Words whose key is put together when the page runs."""


def page(path: str = "/", accepted: str = "") -> str:
    app = FastAPI()
    pages.mount(app)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get(path, headers={"accept-language": accepted})

    return asyncio.run(ask()).text


@pytest.mark.parametrize("book", BOOKS)
def test_every_language_says_the_same_things(book: str) -> None:
    english, chinese = pages.words(book)["en"], pages.words(book)["zh"]
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def sources_of(book: str) -> str:
    """The text of what may say the words of a book: a screen its own, a page its own, all the shared ones."""
    own = {"shared": SOURCES, "play": [*PAGES.glob("static/play/*.js"), PAGES / "templates/play.html"]}
    of_room = [*PAGES.glob("static/room/**/*.js"), PAGES / "templates/room.html"]
    screens = PAGES / "static/room/screens"
    found = own.get(book, of_room if book == "room" else [screens / f"{book}.js", *screens.glob(f"{book}/*.js")])
    return "".join(source.read_text("utf-8") for source in found)


@pytest.mark.parametrize("book", BOOKS)
def test_every_word_is_used(book: str) -> None:
    text = sources_of(book)
    built = re.compile("|".join((*BUILT, *pages.SCREENS)))
    unused = [key for key in pages.words(book)["en"] if not built.fullmatch(key) and f'"{key}"' not in text]
    assert [key for key in unused if f"words.{key}" not in text and f"`{key}`" not in text] == []


def test_every_word_that_is_said_exists() -> None:
    pattern = r'\b(?:say|wordsFor|word|panel)\((?:words, )?"(\w+)"|data-(?:word|label|placeholder)="(\w+)"'
    for book in {*BOOKS} - {"shared"}:
        said = {"".join(pair) for pair in re.findall(pattern, sources_of(book))}
        beside = {"play": ("shared",), "room": ("shared", *pages.SCREENS)}
        with_words = [name for name in (book, *beside.get(book, ("shared", "room"))) if name in BOOKS]
        assert said <= pages.words(*with_words)["en"].keys(), book


def test_the_page_comes_in_the_language_that_is_asked_for() -> None:
    def language(path: str, accepted: str) -> str:
        return re.search(r'<html lang="(\w+)"', page(path, accepted))[1]  # type: ignore[index]

    assert language("/", "") == "en"
    assert language("/", "fr-FR, zh-CN;q=0.8, en;q=0.5") == "zh"
    assert language("/?lang=en", "zh-CN") == "en"
    assert language("/?lang=xx", "de") == "en"


def test_nothing_in_the_page_is_inline_or_from_elsewhere() -> None:
    for text in (page("/"), page("/room/overview")):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
        assert not re.search(r"""(?:src|href)=["'](?!/|#)|["']//""", text)
    for source in [*SOURCES, *PAGES.glob("static/*.css")]:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source.read_text("utf-8")
        )
