"""Styles: the ten tastes that tie all categories together, and how attributes lean towards them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from serendip.data.arrays import FloatArray

SECOND_LEANING = 0.6
"""How much the second style named for an attribute counts, against 1 for the first."""


class Word(NamedTuple):
    """The same thing said in English and in Chinese."""

    en: str
    zh: str


class Style(NamedTuple):
    name: Word
    line: Word
    """What brands call a product line in this style."""
    people: Word
    """Whom things of this style are for."""


def table(text: str) -> list[list[str]]:
    """The cells of a small table written as text: one row a line, cells parted by `|`."""
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def names(text: str) -> tuple[str, ...]:
    """`one, two` as its parts."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def words(text: str) -> tuple[Word, ...]:
    """`North 北方, Moss Green 苔绿` as pairs: Chinese is what follows the last space of each."""
    pairs = (pair.rpartition(" ") for pair in names(text))
    return tuple(Word(en, zh) for en, _, zh in pairs)


STYLES = tuple(
    Style(Word(en, zh), Word(line, line_zh), Word(people, people_zh))
    for en, zh, line, line_zh, people, people_zh in table("""
adventurous | 探险 | Trail | 山野 | people who pack light and set off early | 轻装早行的人
homely | 居家 | Cosy | 暖居 | slow weekends and full tables | 慢节奏的周末和热闹的餐桌
futuristic | 未来 | Neo | 新境 | anyone who reads the manual of tomorrow | 总想先看一眼明天的人
noir | 暗夜 | Midnight | 子夜 | late hours and unanswered questions | 深夜和未解的谜题
romantic | 浪漫 | Petal | 花语 | hopeful hearts and handwritten notes | 心怀期待、爱写信的人
vintage | 复古 | Heirloom | 传家 | those who like things with a past | 偏爱旧时光的人
playful | 童趣 | Rainbow | 彩虹 | the young and those who forgot to grow up | 孩子和忘了长大的人
sporty | 运动 | Sprint | 疾速 | early training and one more lap | 早起训练、再跑一圈的人
minimalist | 极简 | Plain | 素简 | rooms with space to think | 喜欢留白的人
bohemian | 波西米亚 | Meadow | 田园 | dreamers, gardeners and storytellers | 爱做梦、爱花草、爱讲故事的人
""")
)
NAMES = tuple(style.name.en for style in STYLES)


@cache
def loading(leanings: str) -> FloatArray:
    """The unit style vector (styles,) of an attribute from the names of one or two styles, the main one first."""
    vector = np.zeros(len(STYLES))
    for strength, name in zip((1.0, SECOND_LEANING), leanings.split(), strict=False):
        vector[NAMES.index(name)] = strength
    vector /= np.linalg.norm(vector)
    vector.setflags(write=False)  # it is shared by all who ask
    return vector
