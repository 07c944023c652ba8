"""What is in `deploy/` is true: units and Compose files hold together, and the commands in them start a service."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from serendip.cli import app
from serendip.store import Workspace
from serendip.store.keys import make
from serendip.store.postgres import is_postgres
from tests.serving.conftest import opened, publish_model
from tests.serving.replicas import SERENDIP, Replica

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
BINARY, FOLDER = "/opt/serendip/bin/serendip", "/var/lib/serendip/shop"
UNITS = ["serendip@.service", "serendip-fit.service", "serendip-fit.timer"]
PINNED = re.compile(r"[a-z/]+:\d+\.\d+[a-z0-9.-]*")  # an image by a tag that names a version


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return content


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name)
    return parser["Service"]


def dockerfile(word: str) -> list[str]:
    """The arguments of every such instruction."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.removeprefix(word).strip() for line in text.splitlines() if line.strip().startswith(f"{word} ")]


def read_only(folder: Path) -> list[str]:
    """Takes the right to write in `folder` from a command, root's too; what to put before the command."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, postgres: Any) -> tuple[Path, str, str]:
    """A workspace on PostgreSQL with a model and a key: its folder, its store, the key."""
    folder, store = tmp_path_factory.mktemp("deploy") / "shop", postgres.new_database()
    postgres.data.parent.chmod(0o711)  # its socket is for everybody
    key, text = make("test", ["admin"], None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERENDIP_STORE", store)
        with opened(folder) as workspace:
            publish_model(workspace)
            workspace.store.add_key(key)
    return folder, store, text


def test_the_unit_starts_a_service_that_writes_nothing_beside_the_store(shop: tuple[Path, str, str]) -> None:
    folder, store, key = shop
    words = shlex.split(unit("serendip@.service")["ExecStart"].replace("%i", "0"))
    assert words[0] == BINARY
    command = [*read_only(folder), *SERENDIP, *(str(folder) if word == FOLDER else word for word in words[1:])]
    with Replica(folder, key, store, command=command) as replica:
        assert replica("GET", "/readyz").status_code == 200
        replica.send("ann", replica.listed("ann")[0])
        assert len(replica.ask("GET", "/v1/users/ann/history")["data"]) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could write there anyway")
def test_a_read_only_folder_is_one(tmp_path: Path) -> None:
    write = ["touch", str(tmp_path / "file")]
    assert subprocess.run(write).returncode == 0  # root writes whatever the mode says
    before = read_only(tmp_path)
    assert subprocess.run(write).returncode == 0
    assert subprocess.run([*before, "touch", str(tmp_path / "other")], capture_output=True).returncode != 0


def test_the_image_starts_a_service(shop: tuple[Path, str, str]) -> None:
    folder, store, key = shop
    (words,) = (json.loads(text) for text in dockerfile("CMD") if text.startswith('["serve"'))
    assert words == compose()["services"]["one"]["command"]
    given = [{"/workspace": str(folder), "8000": "0"}.get(word, word) for word in words]
    with Replica(folder, key, store, command=[*SERENDIP, *given]) as replica:
        assert replica("GET", "/readyz").status_code == 200


def test_the_training_unit_trains(tmp_path: Path) -> None:
    words = shlex.split(unit("serendip-fit.service")["ExecStart"])
    with opened(tmp_path / "shop") as workspace:
        assert workspace.current_model() is None
    subprocess.run([*SERENDIP, words[1], str(tmp_path / "shop")], check=True, capture_output=True)
    assert words[::2] == [BINARY, FOLDER]
    with Workspace.open(tmp_path / "shop") as workspace:
        assert workspace.current_model() is not None


def test_units_are_what_systemd_reads(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not here")
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8").replace(BINARY, "/bin/true")
        (tmp_path / name).write_text(text, encoding="utf-8")

    def verify(*names: str) -> str:
        paths = [str(tmp_path / name) for name in names]
        done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True)
        return done.stderr + f"exit code {done.returncode}" * (done.returncode != 0)

    names = [name.replace("@", "@8001") for name in UNITS]
    assert not [line for line in verify(*names).splitlines() if "serendip" in line or "exit code" in line]
    (tmp_path / "wrong.service").write_text("[Service]\nExecStart=/bin/true\nProtectSystm=strict\n")
    assert "ProtectSystm" in verify("wrong.service")


@pytest.mark.parametrize("name", ["serendip@.service", "serendip-fit.service"])
def test_units_are_confined(name: str) -> None:
    service = unit(name)
    wanted = {
        "DynamicUser": "yes",
        "ProtectSystem": "strict",
        "NoNewPrivileges": "yes",
        "StateDirectory": "serendip",
        "CapabilityBoundingSet": "",
    }
    assert {key: service[key] for key in wanted} == wanted
    assert FOLDER.startswith("/var/lib/" + service["StateDirectory"])


def test_the_example_of_settings_names_a_store_and_no_password() -> None:
    lines = (DEPLOY / "serendip.env.example").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert is_postgres(values["SERENDIP_STORE"])
    assert values["PGPASSWORD"] == ""


def test_images_are_pinned_and_unprivileged() -> None:
    services = compose()["services"]
    foreign = {name: service["image"] for name, service in services.items() if "build" not in service}
    assert set(foreign) == {"postgres", "proxy"}
    assert all(PINNED.fullmatch(image) for image in foreign.values())
    assert not PINNED.fullmatch("caddy:latest")
    (python,) = (text.partition("=")[2] for text in dockerfile("ARG") if text.startswith("PYTHON="))
    assert PINNED.fullmatch(python)
    assert all(text.startswith("${PYTHON}") for text in dockerfile("FROM"))
    assert dockerfile("USER") == ["10001:10001"]
    assert any("--require-hashes" in text and "requirements.lock" in text for text in dockerfile("RUN"))
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service


def test_everything_that_runs_for_long_has_a_health_check() -> None:
    services = compose()["services"]
    lasting = {name: service for name, service in services.items() if "restart" in service}
    assert set(lasting) == {"postgres", "one", "two", "proxy"}
    assert all(service["healthcheck"]["test"][0] == "CMD" for service in lasting.values())
    for name in ("one", "two"):
        assert "/readyz" in services[name]["healthcheck"]["test"][-1]
        assert services["proxy"]["depends_on"][name] == {"condition": "service_healthy"}
    caddyfile = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert "health_uri /readyz" in caddyfile
    assert "one:8000 two:8000" in caddyfile


def test_only_the_proxy_is_reached_from_outside() -> None:
    content = compose()
    assert content["networks"]["inside"]["internal"] is True
    for name, service in content["services"].items():
        assert ("ports" in service) == ("outside" in service["networks"]) == (name == "proxy")


def test_replicas_share_one_workspace_and_one_store() -> None:
    services = compose()["services"]
    assert services["one"] == services["two"]
    assert set(services["one"]["volumes"]) < set(services["tools"]["volumes"])
    assert "workspace:/workspace" in services["one"]["volumes"]
    assert is_postgres(services["one"]["environment"]["SERENDIP_STORE"])


def test_no_file_holds_a_password() -> None:
    for path in DEPLOY.iterdir():
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"://[^/\s:]+:[^/\s@]+@", text), path  # user:password@host
            assert not re.search(r"(?i)password\s*[:=]\s*['\"]?\w", text.replace('PASSWORD="$(cat', "")), path
    assert re.search(r"://[^/\s:]+:[^/\s@]+@", "postgresql://ann:s3cret@db/shop")
    assert "secrets/" in (DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines()
    for secret in compose()["secrets"].values():
        assert secret["file"].startswith("secrets/")


def test_the_entrypoint_reads_the_password_from_a_file(tmp_path: Path) -> None:
    fake = tmp_path / "serendip"
    fake.write_text('#!/bin/sh\necho "$PGPASSWORD|$*"\n')
    fake.chmod(0o755)
    (tmp_path / "secret").write_text("s3cret with spaces\n")
    places = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PGPASSWORD_FILE": str(tmp_path / "secret")}

    def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        command = [str(DEPLOY / "entrypoint.sh"), "serve", "/a b"]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    assert run(places).stdout == "s3cret with spaces|serve /a b\n"
    assert run({**places, "PGPASSWORD_FILE": ""}).stdout == "|serve /a b\n"
    assert run({**places, "PGPASSWORD_FILE": "/nowhere"}).returncode != 0


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for text in dockerfile("COPY"):
        if "--from" not in text:
            *sources, _ = (word for word in text.split() if not word.startswith("--"))
            for source in sources:
                assert (ROOT / source).exists(), source
                assert source.removeprefix("./") in kept, source


def test_the_commands_that_are_deployed_exist() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    used = {shlex.split(unit(name)["ExecStart"])[1] for name in ("serendip@.service", "serendip-fit.service")}
    assert used | {"serve"} <= names
