"""An encoder is listed and downloaded, from a hub of this machine that speaks as Hugging Face's does."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from serendip.cli import main
from serendip.features.encoders import text_encoder

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

REVISION = "a" * 40


class Hub(ThreadingHTTPServer):
    """A hub that has the folder `tiny/encoder`, and counts what is fetched of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.folder = folder
        self.fetched: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def told(self, path: str) -> object:
        """What its interface says of the folder; None: nothing."""
        paths = [file for file in sorted(self.folder.rglob("*")) if file.is_file()]
        files = [(str(file.relative_to(self.folder)), file.stat().st_size) for file in paths]
        if path == f"/api/models/tiny/encoder/tree/{REVISION}":
            return [{"type": "file", "path": name, "size": size, "oid": name} for name, size in files]
        if path in ("/api/models/tiny/encoder", "/api/models/tiny/encoder/revision/main"):
            siblings = [{"rfilename": name, "size": size} for name, size in files]
            return {"id": "tiny/encoder", "sha": REVISION, "siblings": siblings}
        return None


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        if (told := self.server.told(path)) is not None:
            body = json.dumps(told).encode()
        elif path.startswith(f"/tiny/encoder/resolve/{REVISION}/"):
            name = path.split(f"{REVISION}/")[1]
            body = (self.server.folder / name).read_bytes()
            if with_body:
                self.server.fetched.append(name)
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-repo-commit", REVISION)
        self.send_header("etag", f'"{sha256(body).hexdigest()}"')
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\ntea\n", encoding="utf-8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    transformers.BertModel(transformers.BertConfig(vocab_size=7, **sizes)).save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.safetensors").write_bytes(b"another form")
    with Hub(folder) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()


@pytest.fixture
def cache(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library is pointed at this hub, and at a cache that is empty."""
    constants = pytest.importorskip("huggingface_hub.constants")
    known = {
        "ENDPOINT": hub.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": False,
    }
    for name, value in known.items():
        monkeypatch.setattr(constants, name, value)
    return tmp_path / "cache"


def test_an_encoder_is_downloaded_once_it_was_said_how_large_it_is(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def download(answer: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        return main(["encoders", "download", "tiny/encoder"])

    assert download("n\n") == 130
    assert f"{REVISION[:12]}: 5 files, 0.0 MB" in capsys.readouterr().err
    assert hub.fetched == []
    assert download("y\n") == 0
    assert {"config.json", "model.safetensors"} <= set(hub.fetched)
    assert not {"pytorch_model.bin", "onnx/model.safetensors"} & set(hub.fetched)
    capsys.readouterr()
    assert main(["encoders", "list", "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed["tiny/encoder"]["bytes"] > 1000
    assert {"words", "minilm", "looks"} <= listed.keys()
    assert text_encoder("tiny/encoder").encode(["tea"]).shape == (1, 8)


def test_what_cannot_be_downloaded_is_one_sentence(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")

    def said(name: str = "tiny/encoder") -> str:
        assert main(["encoders", "download", name, "--yes"]) == 2
        return capsys.readouterr().err.strip()

    assert "the hub has none of that name" in said("nobody/nothing")
    assert "such a name reads owner/name" in said("no such/name/at all")
    (hub.folder / "model.safetensors").unlink()
    assert "pickled ones are not read" in said()
    with monkeypatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert said() == "serendip: nothing is fetched while HF_HUB_OFFLINE is set"
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "the hub cannot be reached" in said()
    assert hub.fetched == []
