from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.data.times import LATEST_MS, MILLISECONDS_FROM, epoch_ms, rfc3339

NOON = 1_700_000_000


@pytest.mark.parametrize(
    "written",
    [
        NOON,
        float(NOON),
        NOON * 1000,
        str(NOON),
        f"{NOON}000",
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20.000",
        "2023-11-15T00:13:20+02:00",
        " 2023-11-14T22:13:20Z ",
    ],
)
def test_one_moment_in_many_spellings(written: object) -> None:
    assert epoch_ms(written) == NOON * 1000


@given(st.integers(0, LATEST_MS - 1), st.integers(-14, 14))
def test_rfc3339_comes_back(time_ms: int, hours: int) -> None:
    assert epoch_ms(rfc3339(time_ms)) == time_ms
    elsewhere = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(timezone(timedelta(hours=hours)))
    assert epoch_ms(elsewhere.isoformat(timespec="milliseconds")) == time_ms


@given(st.integers(0, LATEST_MS // 1000 - 1))
def test_seconds_are_seconds_until_2100(time_s: int) -> None:
    assert epoch_ms(time_s) == time_s * 1000


@given(st.integers(MILLISECONDS_FROM, LATEST_MS - 1))
def test_milliseconds_are_milliseconds_from_1973(time_ms: int) -> None:
    assert epoch_ms(time_ms) == time_ms


def test_nothing_is_no_time() -> None:
    assert epoch_ms(None) is None
    assert epoch_ms("") is None


@pytest.mark.parametrize(
    "wrong", ["soon", "2023-13-01", True, float("nan"), float("inf"), "nan", [], -1, NOON * 10**6, -1e306, 10**400]
)
def test_what_is_no_time_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="time"):
        epoch_ms(wrong)
