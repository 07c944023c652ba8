"""The words of reasons, in each language that the doors speak."""

from __future__ import annotations

_ENGLISH = {
    "view": "Because you looked at {title}",
    "click": "Because you looked at {title}",
    "listen": "Because you listened to {title}",
    "cart": "Because you wanted {title}",
    "bookmark": "Because you kept {title}",
    "like": "Because you liked {title}",
    "purchase": "Because you bought {title}",
    "rating": "Because you rated {title} highly",
    "event": "Because of {title}",
    "popular": "Popular with others",
    "text": "Matches “{text}”",
    "alike": "Like what you chose last",
    "image": "Looks like your picture",
    "model": "Fits your taste as a whole",
    "exploration": "New here: what do you think?",
    "pin": "The shop put it in this place",
    "boost": "The shop recommends it",
    "bury": "The shop moved it down",
    "other": "Everything else you did",
}

_CHINESE = {
    "view": "因为你看过《{title}》",
    "click": "因为你看过《{title}》",
    "listen": "因为你听过《{title}》",
    "cart": "因为你想要《{title}》",
    "bookmark": "因为你收藏了《{title}》",
    "like": "因为你喜欢《{title}》",
    "purchase": "因为你买过《{title}》",
    "rating": "因为你给《{title}》打了高分",
    "event": "与《{title}》有关",
    "popular": "很受大家欢迎",
    "text": "符合“{text}”",
    "alike": "与你最近选择的相似",
    "image": "与你的图片相似",
    "model": "符合你的整体喜好",
    "exploration": "新上架，看看合不合你的心意",
    "pin": "店家把它放在这个位置",
    "boost": "店家推荐",
    "bury": "店家调低了它的位置",
    "other": "你的其他行为",
}

LANGUAGES = {"en": _ENGLISH, "zh": _CHINESE}


def say(code: str, language: str, **details: str) -> str:
    """The sentence for `code`; an unknown language speaks English, an unknown event type says `event`.

    Details are put in as they are: titles are text to every door, never markup.
    """
    words = LANGUAGES.get(language, _ENGLISH)
    return words.get(code, words["event"]).format(**details)
