"""What every test can ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.store.postgres_server import Server, find_binaries

DATA_ROOT = Path(os.environ.get("SERENDIP_DATA") or Path(__file__).parents[2] / "shared" / "datasets")

# A busy machine is no failure: how long an example takes is measured in benchmarks, never here.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

# Tests run several at a time; each keeps to one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _no_standing_back() -> Iterator[None]:
    """A command that lets others go first, run in the process of the tests, would slow down all that follow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "nice", lambda _: 0)
        yield


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of the real data sets; the test is left out, and says so, where there is none."""
    if not DATA_ROOT.is_dir():
        pytest.skip("left out: the real data sets are not here (set SERENDIP_DATA to their folder)")
    return DATA_ROOT


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of our own."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with Server(binaries) as server:
        yield server
