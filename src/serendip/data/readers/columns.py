"""Columns: which column plays which part, guessed from its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from serendip.errors import InputError

_USER = (
    "userid", "user", "uid", "visitorid", "customerid", "customer", "memberid", "member", "accountid", "account",
    "reviewerid", "personid", "person", "clientid", "anonymousid", "sessionid", "session", "用户id", "用户",
)  # fmt: skip
_ITEM = (
    "itemid", "item", "iid", "productid", "product", "movieid", "movie", "filmid", "film", "bookid", "book", "asin",
    "parentasin", "sku", "articleid", "article", "newsid", "videoid", "trackid", "track", "songid", "song", "artistid",
    "contentid", "businessid", "isbn", "商品id", "物品id", "商品", "物品",
)  # fmt: skip
RATINGS = ("rating", "score", "stars", "star", "overall", "ratings", "评分")

EVENT_PARTS: Mapping[str, tuple[str, ...]] = {
    "user": _USER,
    "item": _ITEM,
    "type": ("type", "event", "eventtype", "action", "behavior", "behaviour", "behaviortype", "interaction", "行为"),
    "value": (*RATINGS, "value", "amount", "quantity"),
    "time": (
        "timestamp", "time", "timems", "timestampms", "date", "ts", "datetime", "eventtime", "createdat", "created",
        "unixreviewtime", "unixtime", "epoch", "时间", "时间戳",
    ),
    "event_id": ("eventid",),
}  # fmt: skip
"""The parts of an event, and the names (small letters and digits only) by which each is known, the surest first."""

ITEM_PARTS: Mapping[str, tuple[str, ...]] = {
    "item_id": (*_ITEM, "id"),
    "title": ("title", "name", "productname", "producttitle", "itemname", "标题", "名称"),
    "title_zh": ("titlezh", "namezh"),
    "description": ("description", "summary", "plot", "abstract", "描述", "简介"),
    "description_zh": ("descriptionzh",),
    "category": ("category", "categories", "genre", "genres", "类别", "分类"),
    "price": ("price", "价格"),
    "brand": ("brand", "品牌"),
    "maker": ("maker", "manufacturer"),
    "image": ("image", "picture"),
    "year": ("year",),
    "tags": ("tags",),
    "hidden": ("hidden",),
    "available": ("available",),
}
USER_PARTS: Mapping[str, tuple[str, ...]] = {"user_id": (*_USER, "id")}
RELATION_PARTS: Mapping[str, tuple[str, ...]] = {
    "head": ("head", "headid", "source", "subject", "from", *_USER, *_ITEM),
    "relation": ("relation", "predicate", "property", "type", "label"),
    "tail": ("tail", "tailid", "target", "object", "to", "friendid", "friend"),
}


def guess(headers: Sequence[str], parts: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Part -> header, for each part that a header is known for; no header plays two parts."""
    by_name: dict[str, str] = {}
    for header in headers:
        by_name.setdefault(re.sub(r"[\W_]", "", header).lower(), header)
    found: dict[str, str] = {}
    for part, names in parts.items():
        free = [by_name[name] for name in names if name in by_name and by_name[name] not in found.values()]
        if free:
            found[part] = free[0]
    return found


def choose(
    headers: Sequence[str], parts: Mapping[str, tuple[str, ...]], given: Mapping[str, str], file: str
) -> dict[str, str]:
    """The columns that are `given`, and guesses for the other parts among the other columns.

    Raises:
        InputError: a given column is not there.
    """
    for part, header in given.items():
        if header not in headers:
            raise InputError(f"{file} has no column {header!r} for the {part}; it has {listed(headers)}.")
    others = [header for header in headers if header not in given.values()]
    guessed = guess(others, {part: names for part, names in parts.items() if part not in given})
    return {**guessed, **given}


def listed(names: Sequence[str], most: int = 12) -> str:
    """`'a', 'b' and 3 more`."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
