"""One query through the three doors, the library, the command line and HTTP, has one answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

import serendip
from serendip.cli import main
from serendip.serving import create_app
from serendip.world import generate

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doors") / "demo"
    world = generate(seed=3, n_items=200, n_people=100, n_days=40, target_events=8_000)
    with serendip.Workspace.create(folder) as opened:
        opened.store.import_tables(world.tables())
    assert main(["fit", str(folder)]) == 0
    return folder


def over_http(workspace: Path, body: dict[str, Any]) -> dict[str, Any]:
    async def ask(opened: serendip.Workspace) -> dict[str, Any]:
        app = create_app(opened)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://t") as client,
        ):
            answer = await client.post("/v1/recommendations", json=body)
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

    with serendip.Workspace.open(workspace) as opened:
        return asyncio.run(ask(opened))


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (["--user", "p0005"], {"user_id": "p0005"}),
        (["--user", "nobody"], {"user_id": "nobody"}),
        (["--history", "book-0001,film-0002", "-n", "5"], {"history": ["book-0001", "film-0002"], "limit": 5}),
        (
            ["--user", "p0005", "--text", "steel", "--language", "zh"],
            {"user_id": "p0005", "text": "steel", "context": {"language": "zh"}},
        ),
    ],
)
def test_one_query_has_one_answer(
    workspace: Path, capsys: pytest.CaptureFixture[str], words: list[str], query: dict[str, Any]
) -> None:
    with serendip.Workspace.open(workspace) as opened:
        library = opened.pipeline().recommend(serendip.Query(**query)).to_dict()
    assert main(["recommend", str(workspace), *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == library
    http = over_http(workspace, {**query, "include": ["attributes", "reasons"]})
    assert http["items"] == library["items"]
    assert http["warnings"] == library["warnings"]


def test_the_library_example_of_the_readme_runs(workspace: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = readme.split("```python\n")[1].split("```")[0]
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=workspace.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5
