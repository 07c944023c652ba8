"""The commands that make, list and revoke keys; `serendip.cli` registers them."""

from __future__ import annotations

from typing import Annotated

import typer

from serendip.cli.commands import AsJson, Folder
from serendip.errors import InputError

app = typer.Typer(
    name="keys", help="Make, list and revoke the keys of a service.", no_args_is_help=True, rich_markup_mode=None
)


@app.command(epilog="Example: serendip keys create shop web --scope events:write --scope recommend:read")
def create(
    workspace: Folder,
    name: Annotated[str, typer.Argument(help="What the key is for, in your words.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="One of the scopes, such as recommend:read; may be repeated."),
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0, help="Valid for so many days; without it, until revoked.")
    ] = None,
) -> None:
    """Make a key and print it, once. With the first key, every request needs one."""
    from serendip.cli.terminal import out, say
    from serendip.store import Workspace
    from serendip.store.keys import make

    key, text = make(name, scope or [], days)
    with Workspace.open(workspace) as opened:
        opened.store.add_key(key)
    say(f"the key {key.id} ({', '.join(key.scopes)}) is shown this once:")
    out.file.write(text + "\n")


@app.command("list", epilog="Example: serendip keys list shop")
def list_keys(workspace: Folder, json: AsJson = False) -> None:
    """All keys that were ever made, without their secrets."""
    import time

    from serendip.cli.terminal import show_json, show_table
    from serendip.data.times import rfc3339
    from serendip.store import Workspace

    with Workspace.open(workspace) as opened:
        keys = opened.store.keys()
    now_ms = time.time_ns() // 1_000_000
    rows: list[dict[str, str | None]] = [
        {
            "id": key.id,
            "name": key.name,
            "scopes": " ".join(key.scopes),
            "created": rfc3339(key.created_ms),
            "expires": None if key.expires_ms is None else rfc3339(key.expires_ms),
            "state": "valid" if key.valid(now_ms) else "revoked" if key.revoked_ms else "expired",
        }
        for key in keys
    ]
    if json:
        show_json(rows)
        return
    columns = ["id", "name", "scopes", "created", "expires", "state"]
    show_table(columns, [[row[column] or "-" for column in columns] for row in rows])


@app.command(epilog="Example: serendip keys revoke shop 1f0c9a77d2e4")
def revoke(workspace: Folder, id: Annotated[str, typer.Argument(help="The id that `list` shows.")]) -> None:
    """Make a key worthless; services see it within a second."""
    from serendip.cli.terminal import say
    from serendip.store import Workspace

    with Workspace.open(workspace) as opened:
        if not opened.store.revoke_key(id):
            raise InputError(f"there is no key {id!r}")
    say(f"the key {id} is revoked")
