"""A PostgreSQL server for tests: made in a folder of its own, on a socket in it, gone afterwards."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg

DEBIAN = Path("/usr/lib/postgresql")
ACCOUNT = "postgres"
"""Who runs the server where the tests run as root, which PostgreSQL refuses to be."""


def find_binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, None where there is no server."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


class Server:
    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="serendip-postgres-"))  # a socket's path must be short
        self._account = {"user": ACCOUNT} if os.geteuid() == 0 else {}
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        if self._account:
            shutil.chown(self._folder, ACCOUNT)
        self._run(
            "initdb", "-D", self.data, "-A", "trust", "-U", ACCOUNT, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        settings = f"-c listen_addresses= -c unix_socket_directories={self._folder} -c max_connections=200"
        self._run("pg_ctl", "-D", self.data, "-o", settings, "-l", self._folder / "log", "-w", "start")

    def stop(self, how: str = "fast") -> None:
        """`immediate` is what a crash leaves behind: nothing is written, the log is replayed at the next start."""
        self._run("pg_ctl", "-D", self.data, "-m", how, "-w", "stop")

    def url(self, database: str) -> str:
        return f"postgresql://{ACCOUNT}@/{database}?host={self._folder}"

    def new_database(self, on: Path | None = None) -> str:
        """The address of an empty database, perhaps in another folder."""
        name = f"t{os.getpid()}_{next(self._numbers)}"
        place = "" if on is None else f" TABLESPACE s{name}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if on is not None:
                if self._account:
                    shutil.chown(on, ACCOUNT)
                connection.execute(f"CREATE TABLESPACE s{name} LOCATION '{on}'")  # type: ignore[arg-type]
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0{place}")  # type: ignore[arg-type]
        return self.url(name)

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._binaries / program), *map(str, arguments)]
        subprocess.run(command, cwd=self._folder, check=True, stdout=subprocess.DEVNULL, **self._account)  # type: ignore[call-overload]
