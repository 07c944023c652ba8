"""One record of gorse and where it stood, whether it came as JSON or as protobuf."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

from serendip.data.times import EARLIEST_MS, LATEST_MS
from serendip.errors import InputError

Record = dict[str, Any]
"""Names as gorse spells them; `Timestamp` in milliseconds since 1970 UTC, None where there is none."""

ZERO_SECONDS = -62_135_596_800
"""The year 1, which gorse writes where there is no time."""


@dataclass(frozen=True)
class Place:
    """`feedback.jsonl, row 3` or `shop.dump, byte 120`."""

    text: str

    def error(self, what: str) -> InputError:
        return InputError(f"{self.text}: {what}.")


def checked_time(place: Place, time_ms: int) -> int:
    if not EARLIEST_MS <= time_ms < LATEST_MS:
        raise place.error("the Timestamp lies outside 1970 to 2100")
    return time_ms


def json_of(place: Place, text: bytes | str, what: str) -> Any:
    """Strict JSON.

    Raises:
        InputError: it is not.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise place.error(f"{what} is not JSON") from None
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
