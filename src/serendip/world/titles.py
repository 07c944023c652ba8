"""Titles and descriptions in both languages, made from what an item is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from serendip.world.items import Item
from serendip.world.styles import Word
from serendip.world.words import FORMS, Theme

TRIES = 30

# What the works of a kind may be called. Only the words named in a pattern are used.
_WORKS = {
    "books": (
        Word("{book} of the {adjective} {place}", "{adjective}{place}{book}"),
        Word("{book} of the {adjective} {place}", "{adjective}{place}{book}"),
        Word("The {hero} and the {place}", "{hero}与{place}"),
    ),
    "Feature Film": (
        Word("The {hero} of the {adjective} {place}", "{adjective}{place}的{hero}"),
        Word("Beyond the {adjective} {place}", "越过{adjective}{place}"),
        Word("Return to the {adjective} {place}", "重返{adjective}{place}"),
    ),
    "Documentary": (Word("Inside the {adjective} {place}", "走进{adjective}{place}"),),
    "Animated Film": (Word("The Little {hero} of the {place}", "{place}的小{hero}"),),
    "Series": (
        Word("The {adjective} {place}", "{adjective}{place}"),
        Word("The {hero}, Season {number}", "{hero} 第{number}季"),
    ),
    "music": (
        Word("{form} for the {adjective} {place}", "{adjective}{place}{form}"),
        Word("{form} from the {place}", "来自{place}的{form}"),
    ),
    "Board Game": (Word("{form} of the {adjective} {place}", "{adjective}{place}的{form}"),),
    "Video Game": (Word("{adjective} {place}: {form}", "{adjective}{place}：{form}"),),
    "Card Game": (Word("{form} at the {adjective} {place}", "{adjective}{place}{form}"),),
    "Jigsaw": (Word("{adjective} {place} Jigsaw, {size}", "{adjective}{place}拼图，{size}"),),
}

# What goods are called, from the shortest name to the longest; the first that is free is taken.
_SIZED = (
    Word("{material} {kind}, {size}", "{material}{kind}，{size}"),
    Word("{line} {material} {kind}, {size}", "{line}{material}{kind}，{size}"),
    Word("{material} {kind} in {colour}, {size}", "{colour}{material}{kind}，{size}"),
    Word("{line} {material} {kind} in {colour}, {size}", "{colour}{line}{material}{kind}，{size}"),
    Word("{brand} {line} {material} {kind} in {colour}, {size}", "{brand} {colour}{line}{material}{kind}，{size}"),
)
_UNSIZED = (
    Word("{material} {kind} in {colour}", "{colour}{material}{kind}"),
    Word("{line} {material} {kind} in {colour}", "{colour}{line}{material}{kind}"),
    Word("{brand} {line} {material} {kind} in {colour}", "{brand} {colour}{line}{material}{kind}"),
)

_ABOUT_WORK = {
    "books": Word("published by {brand} in {year}", "{brand} {year}年出版"),
    "films": Word("produced by {brand} in {year}", "{brand} {year}年出品"),
    "music": Word("released by {brand} in {year}", "{brand} {year}年发行"),
    "games": Word("made by {brand} in {year}", "{brand} {year}年出品"),
}
_WORK = Word(
    "{kind} about {theme} by {maker}, {made}. {about} {colour} cover. For {people}.",
    "{maker} 的{theme}题材{kind}，{made}。{about}{colour}封面。献给{people}。",
)
_MADE_OF = {
    "tinted": Word("{kind} in {colour} {material}", "{colour}{material}{kind}"),
    "plain": Word("{kind} in {material} with {colour} details", "{material}{kind}（{colour}细节）"),
}
_GOODS = Word(
    "{thing}, designed by {maker} for {brand}. {praise} For {people}.",
    "{maker} 为 {brand} 设计的{thing}。{praise}适合{people}。",
)
_KIND_NOTES = {"music": Word("{kind} record", "{kind}唱片")}


class Describer:
    """Gives each item a title that no other has, in either language."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def title(self, item: Item) -> Word:
        titles = self._work_titles(item, item.theme) if item.theme else _goods_titles(item)
        title = next(title for title in titles if not self._taken & set(title))
        self._taken |= set(title)
        return title

    def description(self, item: Item) -> Word:
        return _work_description(item, item.theme) if item.theme else _goods_description(item)

    def _work_titles(self, item: Item, theme: Theme) -> Iterator[Word]:
        patterns = _WORKS.get(item.category.name.en) or _WORKS[item.kind.name.en]
        for _ in range(TRIES):
            said = self._said(item, theme)
            title = _fill(patterns[self._rng.integers(len(patterns))], **said)
            yield title
        yield from _numbered(title)

    def _said(self, item: Item, theme: Theme) -> dict[str, Word]:
        """One choice of words; all are drawn whether or not a pattern needs them."""
        number = str(self._rng.integers(1, 6))
        forms = FORMS.get(item.kind.name.en, theme.books)
        choices = {"book": theme.books, "hero": theme.heroes, "form": forms}
        choices |= {"adjective": theme.adjectives, "place": theme.places}
        said = {name: words[self._rng.integers(len(words))] for name, words in choices.items()}
        return said | {"number": Word(number, number), "size": item.size or _same("")}


def _fill(pattern: Word, **said: Word) -> Word:
    return Word(
        pattern.en.format(**{name: word.en for name, word in said.items()}),
        pattern.zh.format(**{name: word.zh for name, word in said.items()}),
    )


def _numbered(title: Word) -> Iterator[Word]:
    number = 2
    while True:
        yield Word(f"{title.en} No. {number}", f"{title.zh} {number}号")
        number += 1


def _goods_words(item: Item) -> dict[str, Word]:
    material = item.material.name if item.material else _same("")
    return {
        "kind": item.kind.name,
        "material": material,
        "colour": item.colour.name,
        "line": item.style.line,
        "brand": Word(item.brand, item.brand),
        "size": item.size or _same(""),
    }


def _goods_titles(item: Item) -> Iterator[Word]:
    for pattern in _SIZED if item.size else _UNSIZED:
        title = _fill(pattern, **_goods_words(item))
        yield title
    yield from _numbered(title)


def _same(text: object) -> Word:
    return Word(str(text), str(text))


def _work_kind(item: Item) -> Word:
    return _fill(_KIND_NOTES.get(item.category.name.en, Word("{kind}", "{kind}")), kind=item.kind.name)


def _work_description(item: Item, theme: Theme) -> Word:
    made = _fill(_ABOUT_WORK[item.category.name.en], brand=_same(item.brand), year=_same(item.year))
    return _fill(
        _WORK,
        kind=_work_kind(item),
        theme=theme.name,
        maker=_same(item.maker.name),
        made=made,
        about=theme.about,
        colour=Word(item.colour.name.en.capitalize(), item.colour.name.zh),
        people=item.style.people,
    )


def _goods_description(item: Item) -> Word:
    material = item.material
    thing = _fill(
        _MADE_OF["plain" if material and material.paint else "tinted"],
        kind=Word(item.kind.name.en.capitalize(), item.kind.name.zh),
        colour=_lower(item.colour.name),
        material=_lower(material.name) if material else _same(""),
    )
    return _fill(
        _GOODS,
        thing=thing,
        maker=_same(item.maker.name),
        brand=_same(item.brand),
        praise=material.praise if material else _same(""),
        people=item.style.people,
    )


def _lower(word: Word) -> Word:
    return Word(word.en.lower(), word.zh)
