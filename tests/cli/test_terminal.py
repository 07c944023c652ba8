"""What is shown on a terminal while work goes on."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from serendip.cli import terminal


def test_one_bar_for_one_work_however_it_says_that_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = StringIO()
    monkeypatch.setattr(terminal, "err", Console(file=shown, force_terminal=True, width=100))
    with terminal.bars() as report:
        report("sasrec: loss 6.000", 1, 4)
        report("sasrec: loss 5.125", 2, 4)
        report("indexes", 1, 1)
    frames = shown.getvalue()
    assert "loss 5.125" in frames
    assert "indexes" in frames
    # Were there a bar for each label, the last frame would still show the first.
    final = frames[frames.rfind("sasrec") :]
    assert "loss 6.000" not in final
