"""The words of the page: complete in each language, and all of them used."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
from fastapi import FastAPI

from serendip.serving import pages

PAGES = Path(pages.__file__).parent
SOURCES = [*PAGES.glob("static/*.js"), *PAGES.glob("templates/*.html")]


def page(path: str = "/", accepted: str = "") -> str:
    app = FastAPI()
    pages.mount(app, None)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get(path, headers={"accept-language": accepted})

    return asyncio.run(ask()).text


def test_every_language_says_the_same_things() -> None:
    words = pages.words()
    assert words.keys() == pages.LANGUAGES.keys()
    assert words["en"].keys() == words["zh"].keys()
    for key, text in words["en"].items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", words["zh"][key])), key


def test_every_word_is_used_and_every_used_word_exists() -> None:
    text = "".join(source.read_text("utf-8") for source in SOURCES)
    said = set(re.findall(r'\b(?:say|wordsFor|word)\("(\w+)"|data-(?:word|label|placeholder)="(\w+)"', text))
    keys = pages.words()["en"].keys()
    assert {"".join(pair) for pair in said} <= keys
    built = {key for key in keys if re.fullmatch(r"did_\w+|(like|skip|hide)(_it)?", key)}
    assert [key for key in keys - built if f'"{key}"' not in text and f"words.{key}" not in text] == []


def test_the_page_comes_in_the_language_that_is_asked_for() -> None:
    def language(path: str, accepted: str) -> str:
        return re.search(r'<html lang="(\w+)"', page(path, accepted))[1]  # type: ignore[index]

    assert language("/", "") == "en"
    assert language("/", "fr-FR, zh-CN;q=0.8, en;q=0.5") == "zh"
    assert language("/?lang=en", "zh-CN") == "en"
    assert language("/?lang=xx", "de") == "en"


def test_nothing_in_the_page_is_inline_or_from_elsewhere() -> None:
    text = page()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"""(?:src|href)=["'](?!/static/|#)""", text)
    for source in [*SOURCES, *PAGES.glob("static/*.css")]:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source.read_text("utf-8")
        )
