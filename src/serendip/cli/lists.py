"""The commands that print lists: for somebody, and for words or a picture; `serendip.cli` registers them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serendip.cli.commands import AsJson, Folder, listed
from serendip.errors import InputError

if TYPE_CHECKING:
    from serendip.data import Query, Recommendations

RECOMMEND = "Example: serendip recommend films --user 196 -n 5"
SEARCH = 'Example: serendip search films "something slow about the sea" --user 196'


def recommend(
    workspace: Folder,
    user: Annotated[str | None, typer.Option(help="Who asks.")] = None,
    history: Annotated[
        str | None, typer.Option(help="Items somebody likes, separated by commas, oldest first.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Words to search by.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many.")] = 10,
    diversity: Annotated[float | None, typer.Option(min=0, max=1, help="0 plain, 1 most varied.")] = None,
    popularity: Annotated[
        float | None, typer.Option(min=-1, max=1, help="-1 the little known first, 1 the well known.")
    ] = None,
    language: Annotated[str, typer.Option(help="The language of reasons: en or zh.")] = "en",
    json: AsJson = False,
) -> None:
    """Print a list for somebody, each item with its reason."""
    if user is None and history is None and text is None:
        raise InputError("say who asks (--user ID), what they like (--history a,b,c) or what they look for (--text)")
    liked = None if history is None else tuple(listed(history))
    dials = {"diversity": diversity, "popularity": popularity}
    query = _query(user=user, history=liked, text=text, n=n, **dials, context={"language": language})
    _show_list(workspace, query, language, json)


def search(
    workspace: Folder,
    words: Annotated[str | None, typer.Argument(help="What is looked for.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture to search by: PNG, JPEG, WebP or GIF.")] = None,
    user: Annotated[str | None, typer.Option(help="Who looks: what they like comes first.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many.")] = 10,
    language: Annotated[str, typer.Option(help="The language of reasons: en or zh.")] = "en",
    json: AsJson = False,
) -> None:
    """Print what is found by words, by what they mean where the recipe names an encoder of texts, or by a picture."""
    if words is None and image is None:
        raise InputError("say what is looked for, in words or by a picture (--image FILE)")
    query = _query(user=user, text=words, image=image, n=n, context={"language": language})
    _show_list(workspace, query, language, json)


def _show_list(workspace: Path, query: Any, language: str, json: bool) -> None:
    from serendip.cli.terminal import say, show_json, show_table
    from serendip.store import Workspace

    with Workspace.open(workspace) as opened:
        answer = opened.pipeline().recommend(query)
    if json:
        show_json(answer.to_dict())
        return
    for warning in answer.warnings:
        say(warning)
    show_table(["", "item", "title", "score", "why"], _rows(answer, language), right=["", "score"])


def _query(**given: Any) -> Query:
    from pydantic import ValidationError

    from serendip.data import Query

    try:
        return Query(**given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"--{first['loc'][0]}: {first['msg']}") from None


def _rows(answer: Recommendations, language: str) -> list[tuple[object, ...]]:
    return [
        (
            one.rank,
            one.item_id,
            one.attributes.get(f"title_{language}") or one.attributes.get("title", ""),
            f"{one.score:.3f}",
            one.reasons[0].text if one.reasons else one.source,
        )
        for one in answer
    ]
