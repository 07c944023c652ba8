"""Searching by voice, with a recogniser that says what the test wants it to have heard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.serving.pages.play_service import OpenPage, ready, settle

pytestmark = pytest.mark.browser

RECOGNISER = """(does) => {
    window.made = [];
    window.SpeechRecognition = class extends EventTarget {
        constructor() { super(); window.made.push(this); }
        start() {
            if (does.throws) throw new Error("no microphone");
            setTimeout(() => {
                if (does.hears) {
                    const results = [[{ transcript: does.hears, confidence: 1 }]];
                    this.dispatchEvent(Object.assign(new Event("result"), { results }));
                }
                if (does.fails) this.dispatchEvent(Object.assign(new Event("error"), { error: does.fails }));
                if (!does.waits) this.dispatchEvent(new Event("end"));
            }, 20);
        }
        stop() { this.stopped = true; this.dispatchEvent(new Event("end")); }
    };
}"""
NONE = "() => { window.SpeechRecognition = window.webkitSpeechRecognition = undefined; }"


def test_what_is_said_is_searched_for(open_page: OpenPage) -> None:
    page = open_page()
    category = page.locator("#list .facts").first.inner_text().split(" · ")[0]
    page.evaluate(RECOGNISER, {"hears": f" {category} "})
    before = page.locator("#list .card").count()
    found = settle(page, page.locator("#speak").click)
    expect(page.locator("#text")).to_have_value(category)
    expect(page.locator("#heard")).to_have_text(f"Heard: “{category}”")
    expect(page.locator("#speak")).to_have_attribute("aria-pressed", "false")
    assert 0 < len(found) <= before
    assert page.evaluate("window.made[0].lang") == "en-US"


def test_it_listens_in_the_language_of_the_page(open_page: OpenPage) -> None:
    page = open_page("/?lang=zh")
    page.evaluate(RECOGNISER, {"waits": True})
    page.locator("#speak").click()
    assert page.evaluate("window.made[0].lang") == "zh-CN"
    expect(page.locator("#heard")).to_contain_text("正在听")
    expect(page.locator("#speak")).to_have_attribute("aria-pressed", "true")
    page.locator("#speak").click()  # enough
    assert page.evaluate("window.made.length === 1 && window.made[0].stopped")
    expect(page.locator("#speak")).to_have_attribute("aria-pressed", "false")


def typed(page: Page, sentence: str) -> None:
    """The sentence is said, and typing goes on at once."""
    expect(page.locator("#heard")).to_have_text(sentence)
    assert page.evaluate("document.activeElement.id") == "text"
    settle(page, lambda: page.keyboard.type("tea"))
    ready(page)


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        ({"fails": "not-allowed"}, "The microphone may not be used here. Type the words instead."),
        ({"fails": "network"}, "Nothing was understood. Try again, or type the words."),
        ({"throws": True}, "Nothing was understood. Try again, or type the words."),
        ({}, "Nothing was understood. Try again, or type the words."),
    ],
)
def test_what_fails_is_said_and_typing_takes_over(open_page: OpenPage, does: dict[str, object], sentence: str) -> None:
    page = open_page()
    page.evaluate(RECOGNISER, does)
    page.locator("#speak").click()
    typed(page, sentence)


def test_a_browser_that_cannot_listen_says_so(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(NONE)
    page.locator("#speak").click()
    typed(page, "This browser cannot listen. Type the words instead.")


def test_the_recogniser_of_a_real_browser_ends_in_a_sentence(open_page: OpenPage) -> None:
    """Chromium has one, and here neither a microphone nor a network."""
    page = open_page()
    page.locator("#speak").click()
    expect(page.locator("#heard")).to_contain_text("Type the words instead", timeout=10_000)
