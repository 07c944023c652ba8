"""`docs/operate.md` is true: its commands are run from top to bottom, against a real PostgreSQL and real services."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from serendip.serving.engine import Engine
from serendip.store import Settings, Workspace
from tests.store.postgres_server import Server, find_binaries

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
ADDRESS = "postgresql://serendip@127.0.0.1/shop"
SHIM = f"""#!{sys.executable}
import sys
from serendip.cli import main
sys.exit(main())
"""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def script(url: str) -> str:
    """All that a person would type, with the addresses of this test."""
    text = "\n".join(blocks("bash"))
    first, second = free_ports(2)
    text = text.replace("8001", str(first)).replace("8002", str(second))
    again = url.replace(urlsplit(url).path, urlsplit(url).path + "_again")
    text = text.replace(f"{ADDRESS}_again", f"'{again}'").replace(ADDRESS, f"'{url}'")
    text = text.replace("shop_again", urlsplit(again).path[1:])
    # Whatever goes wrong, nothing stays behind.
    return f"set -euo pipefail\nset -m\ntrap 'kill -9 $(jobs -p) 2> /dev/null || true' EXIT\n{text}"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a log to import and the programs that the page uses."""
    missing = [name for name in ("bash", "curl", "tar") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"left out: {', '.join(missing)} is not installed")
    pick = random.Random(5)
    rows = [
        f"p{person},{shelf}-{number},like,{1_700_000_000 + 600 * number + person}"
        for person in range(40)
        for shelf in [("book", "boot")[person % 2]]
        for number in pick.sample(range(20), 12)
    ]
    (tmp_path / "events.csv").write_text("\n".join(["user_id,item_id,type,timestamp", *rows]) + "\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "serendip").write_text(SHIM)
    (tmp_path / "bin" / "serendip").chmod(0o755)
    return tmp_path


def run(place: Path, text: str) -> subprocess.CompletedProcess[str]:
    paths = [str(place / "bin"), str(find_binaries() or ""), os.environ["PATH"]]
    environment = {**os.environ, "PATH": ":".join(paths)}
    done = subprocess.run(["bash", "-c", text], cwd=place, env=environment, capture_output=True, text=True, timeout=900)
    return done


def test_every_command_of_the_page_does_what_it_says(place: Path, postgres: Server) -> None:
    done = run(place, script(postgres.new_database()))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{(place / 'two.log').read_text()}"
    answers = [json.loads(line) for line in re.findall(r'{"(?:accepted|request_id|user_id).*?}(?=\n|{|$)', done.stdout)]
    assert '"accepted":1' in done.stdout
    lists = [answer for answer in answers if "model_version" in answer]
    assert lists
    assert all("book-1" not in [item["item_id"] for item in answer["items"]] for answer in lists)
    assert [event["item_id"] for event in json.loads((place / "ann.json").read_text())["events"]] == ["book-1"]
    assert (place / "copy" / "models" / "current").read_text()
    assert not list((place / "copy").glob("serendip.db*"))
    assert (place / "restored" / "serendip.db").is_file()


def test_a_command_that_fails_would_be_seen(place: Path) -> None:
    assert run(place, "set -euo pipefail\nserendip fit nowhere\necho done").returncode == 2


@pytest.mark.parametrize("text", blocks("sh"), ids=range(len(blocks("sh"))))
def test_commands_for_root_parse_and_name_files_that_exist(text: str) -> None:
    assert subprocess.run(["bash", "-n"], input=text, text=True).returncode == 0
    for name in re.findall(r"deploy/[\w@./-]*[\w]", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"(?<=-r )\S+", text):
        assert (ROOT / name).exists(), name


def test_the_metrics_that_are_to_be_watched_are_there(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "shop") as workspace:
        engine = Engine(workspace)
        told = engine.metrics.text().decode()
    named = set(re.findall(r"`((?:serendip|process)_[a-z_]+)`", PAGE))
    assert len(named) > 5
    assert not [name for name in named if not re.search(rf"^# TYPE {name.removesuffix('_total')}", told, re.MULTILINE)]


def test_the_limits_that_are_named_can_be_set() -> None:
    (section,) = re.findall(r"^## Limits\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`([a-z_]+_(?:s|minute|once|connections))`", section))
    assert len(named) > 5
    assert named <= set(type(Settings().service).model_fields)
