"""The commands that make a backup and a workspace of one; `serendip.cli` registers them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serendip.cli.commands import Folder

File = Annotated[Path, typer.Argument(metavar="FILE", help="The archive, such as shop.tar.gz.")]
BACKUP = "Example: serendip backup shop shop-monday.tar.gz"
RESTORE = "Example: serendip restore shop-monday.tar.gz shop-again"


def backup(workspace: Folder, file: File) -> None:
    """Write a workspace to one file, also while it is served."""
    from serendip.cli.terminal import say
    from serendip.store import Workspace
    from serendip.store.backup import backup as write

    with Workspace.open(workspace) as opened:
        size = write(opened, file)
    say(f"{file}: {size:,} bytes, read back and found whole")


def restore(file: File, workspace: Folder) -> None:
    """Make a new workspace of a backup."""
    from serendip.cli.terminal import say
    from serendip.store.backup import restore as read

    read(file, workspace)
    say(f"{workspace} is as it was (its store is the file serendip.db in it)")
