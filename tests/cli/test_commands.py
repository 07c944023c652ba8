"""The commands as a person runs them: what they print, what they refuse, with which exit code."""

from __future__ import annotations

import json
import random
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

import serendip
from serendip.cli import app, main


def write_log(path: Path, people: int = 60, extra: str = "") -> Path:
    """Two tastes: even people read books, odd people buy boots."""
    pick = random.Random(5)
    lines = ["user_id,item_id,type,timestamp"]
    for person in range(people):
        shelf = [f"{'book' if person % 2 == 0 else 'boot'}-{number}" for number in range(30)]
        for step, item in enumerate(pick.sample(shelf, 20)):
            seconds = 1_700_000_000 + 600 * step + person
            lines.append(f"p{person},{item},{pick.choice(['view', 'like', 'purchase'])},{seconds}")
    path.write_text("\n".join(lines) + "\n" + extra, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    assert main(["import", "csv", str(write_log(folder / "events.csv")), str(folder / "ws")]) == 0
    assert main(["fit", str(folder / "ws")]) == 0
    return folder / "ws"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_each_command_has_an_example_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert set(names) >= {"demo", "import", "check", "fit", "evaluate", "recommend", "serve"}
    for name in names:
        code, out, _ = run(capsys, name, "--help")
        assert code == 0
        assert f"Example: serendip {name}" in " ".join(out.split())


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[:2] == (0, f"{serendip.__version__}\n")


def test_an_import_says_what_it_guessed_and_can_be_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(tmp_path / "events.csv")
    code, _, err = run(capsys, "import", "csv", str(log), str(tmp_path / "ws"))
    assert code == 0
    assert "user_id" in err
    assert "imported 1,200 events" in err
    code, _, err = run(capsys, "import", "csv", str(log), str(tmp_path / "ws"))
    assert code == 0
    assert "imported 0 events" in err
    assert "1,200 were there already" in err


def test_a_bad_row_is_named_and_nothing_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(tmp_path / "events.csv", extra="p1,book-1,view,yesterday-ish\n")
    code, out, err = run(capsys, "import", "csv", str(log), str(tmp_path / "ws"))
    assert (code, out) == (2, "")
    assert "events.csv" in err
    assert "1202" in err
    assert len(err.strip().splitlines()) == 1
    good = write_log(tmp_path / "good.csv")
    _, _, err = run(capsys, "import", "csv", str(good), str(tmp_path / "ws"))
    assert "imported 1,200 events" in err


def test_columns_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("who;what\nann;tea\nbo;tea\n", encoding="utf-8")
    code, _, err = run(
        capsys,
        "import",
        "csv",
        str(path),
        str(tmp_path / "ws"),
        "--user-column",
        "who",
        "--item-column",
        "what",
        "--event-type",
        "purchase",
    )
    assert code == 0, err
    with serendip.Workspace.open(tmp_path / "ws") as opened:
        assert [event.type for event in opened.store.history("ann")] == ["purchase"]


def test_check_prints_levels_and_json(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", str(workspace))
    assert code == 0
    assert "PASS" in out
    code, out, _ = run(capsys, "check", str(workspace), "--json")
    assert {row["level"] for row in json.loads(out)["findings"]} <= {"PASS", "WARN", "FAIL"}


def test_check_fails_on_too_little_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "few.csv"
    path.write_text("user_id,item_id\nann,tea\n", encoding="utf-8")
    main(["import", "csv", str(path), str(tmp_path / "ws")])
    capsys.readouterr()
    code, out, _ = run(capsys, "check", str(tmp_path / "ws"))
    assert code == 1
    assert "FAIL" in out


def test_fit_reports_time_and_memory(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "fit", str(workspace), "--json")
    card = json.loads(out)
    assert code == 0
    assert card["peak_mb"] > 10
    assert set(card["fit_seconds"]) == {"ease", "als", "popular", "indexes", "sight"}


def test_fit_tells_of_erasures_that_it_missed(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(workspace, copy)
    _, _, said = run(capsys, "fit", str(copy))
    assert "erased" not in said
    fit = serendip.Pipeline.fit

    def meanwhile(pipeline: serendip.Pipeline, *given: Any) -> serendip.Pipeline:
        with serendip.Workspace.open(copy) as other:
            other.store.erase("p0")
        return fit(pipeline, *given)

    monkeypatch.setattr(serendip.Pipeline, "fit", meanwhile)
    code, _, said = run(capsys, "fit", str(copy))
    assert code == 0
    assert "erased while it was fitted: 1 (fit again" in " ".join(said.split())


def test_search_finds_by_words(workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described = str(shutil.copytree(workspace, tmp_path / "ws"))
    titles = [(f"{kind}-{n}", {"title": f"{kind} number {n}"}) for kind in ("book", "boot") for n in range(30)]
    with serendip.Workspace.open(Path(described)) as opened:
        opened.store.put("items", titles)
    assert main(["fit", described]) == 0
    capsys.readouterr()
    code, out, _ = run(capsys, "search", described, "boot", "-n", "3", "--user", "p3", "--json")
    found = json.loads(out)
    assert code == 0
    assert len(found["items"]) == 3
    assert all(item["item_id"].startswith("boot") for item in found["items"])
    _, asked, _ = run(capsys, "recommend", described, "--user", "p3", "--text", "boot", "-n", "3", "--json")
    assert json.loads(asked)["items"] == found["items"]
    assert "boot number" in run(capsys, "search", described, "boot")[1]


def test_what_an_encoder_says_is_kept_in_the_workspace(workspace: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(workspace, tmp_path / "ws")
    meaning = '[text]\nencoder = "words"\n'
    (tmp_path / "meaning.toml").write_text(f'name = "meaning"\n{meaning}[[sources]]\nmodel = "popular"\n')
    assert not (copy / "vectors" / "texts.sqlite").exists()
    assert main(["fit", str(copy), "--recipe", str(tmp_path / "meaning.toml")]) == 0
    assert (copy / "vectors" / "texts.sqlite").stat().st_size > 0


def test_recommend_for_somebody_known_and_for_a_history(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "recommend", str(workspace), "--user", "p0", "-n", "3")
    assert code == 0
    assert "book-" in out
    code, out, err = run(capsys, "recommend", str(workspace), "--history", "boot-1,boot-2", "--json", "-n", "4")
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert all(item["item_id"].startswith("boot") for item in answer["items"])
    assert answer["items"][0]["reasons"][0]["evidence"][0] in {"boot-1", "boot-2"}


def test_the_library_and_the_command_line_give_one_answer(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "recommend", str(workspace), "--user", "p3", "--json")
    with serendip.Workspace.open(workspace) as opened:
        answer = opened.pipeline().recommend(serendip.Query(user="p3"))
    assert json.loads(out) == answer.to_dict()


def test_evaluate_prints_a_table_and_json(workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(
        capsys,
        "evaluate",
        str(workspace),
        "--models",
        "popular,item_knn,default",
        "--protocol",
        "random-per-user",
        "--json",
        str(tmp_path / "report.json"),
    )
    assert code == 0, err
    assert "item_knn" in out
    results = {result["model"]: result for result in json.loads((tmp_path / "report.json").read_text())["results"]}
    assert set(results) == {"popular", "item_knn", "default"}
    figure = results["item_knn"]["metrics"]["ndcg@10"]
    assert figure["low"] <= figure["mean"] <= figure["high"]
    assert figure["mean"] > results["popular"]["metrics"]["ndcg@10"]["high"]
    more = ["--slices", "history", "--cutoffs", "3"]
    code, out, err = run(capsys, "evaluate", str(workspace), "--models", "popular", *more)
    assert (code, "by history" in out, "ndcg@3" in out) == (0, True, True), err
    code, out, _ = run(capsys, "evaluate", str(workspace), "--models", "popular", "--json", "-")
    assert json.loads(out)["results"][0]["model"] == "popular"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["recommend", "{tmp}/nowhere", "--user", "x"], 2, "is not a workspace"),
        (["recommend", "{ws}"], 2, "say who asks"),
        (["recommend", "{ws}", "--user", "p1", "-n", "0"], 2, "-n"),
        (["recommend", "{ws}", "--user", "x" * 300], 2, "--user: an id has at most 256 bytes"),
        (["fit", "{ws}", "--recipe", "grandmas"], 2, "no recipe 'grandmas'"),
        (["fit", "{ws}", "--recipe", "{tmp}/gone.toml"], 2, "gone.toml cannot be read: No such file"),
        (["fit", "{ws}", "--seed", "-1"], 2, "--seed"),
        (["evaluate", "{ws}", "--models", "oracle"], 2, "oracle"),
        (["evaluate", "{ws}", "--models", ","], 2, "--models"),
        (["evaluate", "{ws}", "--json", "{tmp}/gone/x.json"], 2, "--json: there is no folder"),
        (["evaluate", "{ws}", "--protocol", "psychic"], 2, "psychic"),
        (["evaluate", "{ws}", "--cutoffs", "ten"], 2, "--cutoffs"),
        (["evaluate", "{ws}", "--slices", "shoe size"], 2, "shoe size"),
        (["import", "papyrus", "x", "{tmp}/ws2"], 2, "'FORMAT': 'papyrus'"),
        (["import", "csv", "{tmp}/nothing.csv", "{tmp}/ws2"], 2, "nothing.csv"),
        (["fit", "{ws}", "--wheels", "4"], 2, "--wheels"),
        (["dance"], 2, "dance"),
        (["serve", "{ws}", "--host", "0.0.0.0", "--port", "0"], 2, "insecure"),
        (["serve", "{ws}", "--port", "0", "--origin", "*"], 2, "'*' is not an origin"),
        (["serve", "{ws}", "--port", "0", "--log", "loud"], 2, "--log"),
    ],
)
def test_mistakes_are_one_sentence(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    filled = [argument.format(ws=workspace, tmp=tmp_path) for argument in arguments]
    got, out, err = run(capsys, *filled)
    assert (got, out) == (code, "")
    assert err.startswith("serendip: ")
    assert len(err.strip().splitlines()) == 1
    assert says in err
    assert not (tmp_path / "ws2" / "serendip.db").exists()


def test_no_command_at_all_shows_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, out) == (2, "")
    assert "\n  recommend " in err  # laid out, not run together into a sentence


def test_what_the_system_refuses_is_said_with_its_place(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "evaluate", str(workspace), "--models", "popular", "--json", str(workspace))
    assert (code, err.splitlines()[-1]) == (1, f"serendip: {workspace}: Is a directory")


def test_a_busy_port_is_one_sentence(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for command in (["serve", str(workspace)], ["demo", "never-made"]):
            code, _, err = run(capsys, *command, "--port", str(port))
            assert code == 2
            assert f"port {port}" in err
            assert len(err.strip().splitlines()) == 1
    assert not Path("never-made").exists()


def test_a_damaged_model_is_failed_work_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "csv", str(write_log(tmp_path / "events.csv")), str(tmp_path / "ws")])
    main(["fit", str(tmp_path / "ws")])
    capsys.readouterr()
    with serendip.Workspace.open(tmp_path / "ws") as opened:
        model = opened.current_model()
    assert model is not None
    (model / "vocabulary.json").write_text("[]")
    code, out, err = run(capsys, "recommend", str(tmp_path / "ws"), "--user", "p1")
    assert (code, out) == (1, "")
    assert "vocabulary.json" in err


def test_asking_before_training_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "csv", str(write_log(tmp_path / "events.csv")), str(tmp_path / "ws")])
    capsys.readouterr()
    code, _, err = run(capsys, "recommend", str(tmp_path / "ws"), "--user", "p1")
    assert code == 2
    assert "serendip fit" in err


@pytest.mark.data
def test_the_films_of_ml_100k(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The words of the README, on real data."""
    ws = str(tmp_path / "films")
    assert run(capsys, "import", "movielens", str(data_root / "ml-100k"), ws)[0] == 0
    assert run(capsys, "fit", ws)[0] == 0
    code, out, _ = run(capsys, "recommend", ws, "--user", "196", "--json")
    items = json.loads(out)["items"]
    assert code == 0
    assert len(items) == 10
    assert all(item["attributes"]["title"] and item["reasons"] for item in items)
    for item in items:
        assert sum(reason["contribution"] for reason in item["reasons"]) == pytest.approx(item["score"], abs=1e-4)
    code, out, _ = run(capsys, "evaluate", ws, "--models", "popular,item_knn,ease,als", "--json", "-")
    assert code == 0
    assert {result["model"] for result in json.loads(out)["results"]} == {"popular", "item_knn", "ease", "als"}


def test_the_demo_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "demo", str(tmp_path / "shop"), "--no-serve")
    assert code == 0, err
    assert "generated" in err
    with serendip.Workspace.open(tmp_path / "shop") as opened:
        answer = opened.pipeline().recommend(serendip.Query(user="p0001"))
        assert len(answer) == 10
        assert (opened.path / str(answer[0].attributes["image"])).is_file()
        before = opened.current_model()
    code, _, err = run(capsys, "demo", str(tmp_path / "shop"), "--no-serve")
    assert code == 0
    assert "generated" not in err
    with serendip.Workspace.open(tmp_path / "shop") as opened:
        assert opened.current_model() == before
