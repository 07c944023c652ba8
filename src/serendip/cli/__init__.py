"""The command line: parses and renders, nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from serendip.cli import backup, encoders, experiments, keys, lists, simulation, training, tuning
from serendip.cli.commands import app
from serendip.errors import DamagedArtifactError, InputError

__all__ = ["app", "main"]

WRONG_INPUT = 2
FAILED = 1
INTERRUPTED = 130

VALIDATOR = "Value error, "
"""What pydantic puts before a sentence of ours."""

app.command(epilog=lists.RECOMMEND)(lists.recommend)
app.command(epilog=lists.SEARCH)(lists.search)
app.command(epilog=tuning.EXAMPLE)(tuning.tune)
app.command(epilog=training.TRAIN)(training.train)
app.command(epilog=training.MODELS)(training.models)
app.command(epilog=training.PROMOTE)(training.promote)
app.command(epilog=backup.BACKUP)(backup.backup)
app.command(epilog=backup.RESTORE)(backup.restore)
app.command(epilog=simulation.EXAMPLE)(simulation.simulate)
app.add_typer(encoders.app)
app.add_typer(keys.app)
app.add_typer(experiments.app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the entry point of the `serendip` script.

    Errors are one sentence on standard error: exit code 2 for bad usage or input, 1 for failed work.
    """
    try:
        code = typer.main.get_command(app).main(arguments, prog_name="serendip", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", INTERRUPTED)
    except typer.TyperException as error:
        return _complain(error.format_message() if hasattr(error, "format_message") else str(error), WRONG_INPUT)
    except InputError as error:
        return _complain(str(error), WRONG_INPUT)
    except DamagedArtifactError as error:
        return _complain(str(error), FAILED)
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error), FAILED)


def _complain(message: str, code: int) -> int:
    sentence = " ".join(message.split()).replace(VALIDATOR, "")
    sys.stderr.write(f"serendip: {sentence}\n")
    return code
