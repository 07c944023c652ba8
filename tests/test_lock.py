"""The lock of what a service is installed from: whole, hashed, and of the versions that are tested here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pins(text: str) -> dict[str, str]:
    """Versions by name, of every `name==version` in a file of requirements."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def unhashed(text: str) -> list[str]:
    """The requirements that could be installed from any file."""
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [entry.split()[0] for entry in entries if entry.strip() and not HASH.search(entry)]


def disagreeing(lock: dict[str, str], constraints: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    """Where the lock has another version than is tested."""
    return {name: (locked, constraints.get(name)) for name, locked in lock.items() if constraints.get(name) != locked}


def extras() -> list[str]:
    """Those that the lock is made of, as the Makefile says."""
    found = re.search(r"^LOCKED := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1].split()


def closure(wanted: Iterable[str]) -> set[str]:
    """What these requirements bring with them, by what is installed here."""
    names: set[tuple[str, str]] = set()
    waiting = [Requirement(one) for one in wanted]
    while waiting:
        one = waiting.pop()
        for extra in ("", *one.extras):
            if (canonicalize_name(one.name), extra) not in names:
                names.add((canonicalize_name(one.name), extra))
                inner = [Requirement(text) for text in requires(one.name) or []]
                waiting += [need for need in inner if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {name for name, _ in names}


LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CONSTRAINTS = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))


def test_the_lock_has_the_versions_that_are_tested() -> None:
    assert not disagreeing(pins(LOCK), CONSTRAINTS), "run `make lock`"
    assert not {name: pin for name, pin in pins(LOCK).items() if version(name) != pin}
    older = LOCK.replace(f"pydantic=={pins(LOCK)['pydantic']}", "pydantic==2.0.0")
    assert set(disagreeing(pins(older), CONSTRAINTS)) == {"pydantic"}


def test_the_lock_is_whole() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(need for extra in extras() for need in optional[extra])]
    assert set(pins(LOCK)) == closure(wanted), "run `make lock`"
    assert closure([*wanted, "httpx"]) - set(pins(LOCK)) >= {"httpx"}  # a need that is new is seen


def test_every_file_that_is_installed_has_a_hash() -> None:
    assert not unhashed(LOCK)
    assert unhashed(LOCK + "\nevil==1.0\n") == ["evil==1.0"]
    assert "://" not in LOCK  # no other place to install from
