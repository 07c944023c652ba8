"""What goes wrong with input, said in one sentence that names what and where."""

from __future__ import annotations


class InputError(ValueError):
    """The caller's input cannot be used: a bad file, row, id, option or recipe.

    The message is one sentence that names the thing and its place, and is fit to be shown as it is.
    The command line answers it with exit code 2, the HTTP service with a 4xx.
    """


class DamagedArtifactError(RuntimeError):
    """A saved file is missing, truncated or altered; the message names the file."""
