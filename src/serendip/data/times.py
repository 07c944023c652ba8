"""Times: whatever people write becomes milliseconds since 1970-01-01 UTC."""

from __future__ import annotations

from datetime import UTC, datetime

# Epoch numbers below this are seconds (until the year 5138), from it on milliseconds (from March 1973).
MILLISECONDS_FROM = 100_000_000_000
EARLIEST_MS = 0
LATEST_MS = 4_102_444_800_000  # 2100-01-01


def epoch_ms(value: object) -> int | None:
    """RFC 3339 text, epoch seconds or epoch milliseconds as milliseconds; None and empty text stay None.

    Raises:
        ValueError: the value is none of these, or lies outside 1970 to 2100.
    """
    if value is None or value == "":
        return None
    moment = _from_text(value) if isinstance(value, str) else _from_number(value)
    if not EARLIEST_MS <= moment < LATEST_MS:
        raise ValueError(f"the time {value!r} lies outside 1970 to 2100")
    return moment


def rfc3339(time_ms: int) -> str:
    """`2026-11-22T10:30:00.250Z`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _from_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ValueError(f"{value!r} is not a time (RFC 3339 text, epoch seconds or milliseconds)")
    near = min(max(value, -1), LATEST_MS)  # what is out of range stays out of range, and can be computed with
    return int(near) if near >= MILLISECONDS_FROM else round(near * 1000)


def _from_text(value: str) -> int:
    try:
        return _from_number(float(value))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{value!r} is not a time (RFC 3339 text, epoch seconds or milliseconds)") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
