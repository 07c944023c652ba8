"""A name with settings in one word: `ease?l2=200`, `popular?half_life_days=30`, `global-time?test_share=0.1`."""

from __future__ import annotations

import json
from typing import Any

from serendip.data import InputError


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """The name and its settings; a value is read as JSON where it is JSON, and as text otherwise.

    >>> parse("als?embedding_size=64&l2=0.1")
    ('als', {'embedding_size': 64, 'l2': 0.1})

    Raises:
        InputError: a setting has no `=`, or is given twice.
    """
    name, _, rest = text.strip().partition("?")
    settings: dict[str, Any] = {}
    for setting in filter(None, rest.split("&")):
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise InputError(f"in {text!r} the setting {setting!r} is not of the form key=value")
        if key in settings:
            raise InputError(f"in {text!r} the setting {key!r} is given twice")
        settings[key] = _value(value)
    return name, settings


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
