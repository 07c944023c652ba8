"""What the terminal shows: progress bars and tables. Results go to standard output, all else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from serendip.data import Progress as Report
from serendip.data import silent

LEVEL_STYLES = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}

UNSEEN_WIDTH = 160
"""Columns of a table that goes into a file or a pipe."""

out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else UNSEEN_WIDTH)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def say(sentence: str) -> None:
    """One line to whoever watches."""
    err.print(sentence, markup=False)


@contextmanager
def bars() -> Iterator[Report]:
    """Progress bars on a terminal, one per label up to its first colon; they go when the work is done."""
    if not err.is_terminal:
        yield silent
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def report(label: str, done: int, total: int) -> None:
            work = label.partition(":")[0]
            if work not in tasks:
                tasks[work] = progress.add_task(label, total=total)
            progress.update(tasks[work], completed=done, total=total, description=label)

        yield report


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> None:
    """A table on standard output; `right` names the columns that align right. Cells are text, never markup."""
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell), style=LEVEL_STYLES.get(str(cell), "")) for cell in row))
    out.print(table)


def show_json(value: Any, target: str = "-") -> None:
    """JSON to standard output (`-`) or into a file."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if target == "-":
        out.file.write(text + "\n")
    else:
        Path(target).write_text(text + "\n", encoding="utf-8")
