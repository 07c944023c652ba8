"""A workspace: made once, opened ever after; its settings; its shelf of models."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from serendip.data import InputError, Signals, Tables, event_frame
from serendip.pipeline import Pipeline, Recipe
from serendip.store import Settings, StoredEvent, Workspace, promotions
from serendip.store.files import FolderLock
from serendip.store.settings import field_documents
from serendip.training import FitOptions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop"


def test_create_makes_what_is_missing_and_keeps_what_is_there(folder: Path) -> None:
    with Workspace.create(folder) as made:
        made.store.append([StoredEvent("ann", "tea", "like")])
    assert sorted(path.name for path in folder.iterdir()) == ["models", "serendip.db", "settings.toml", "vectors"]
    (folder / "settings.toml").write_text('recipe = "mine"\n')
    with Workspace.create(folder) as again:
        assert again.store.counts()["events"] == 1
        assert again.settings == Settings(recipe="mine")


def test_open_refuses_what_is_no_workspace(folder: Path) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match=r"shop is not a workspace: it has no serendip\.db \(make one with"):
            Workspace.open(folder)
        folder.mkdir(exist_ok=True)
    assert list(folder.iterdir()) == []


def test_a_file_cannot_become_a_workspace(folder: Path) -> None:
    folder.write_text("x")
    with pytest.raises(InputError, match="cannot be made a workspace"):
        Workspace.create(folder)


def test_a_workspace_without_settings_has_the_defaults(folder: Path) -> None:
    Workspace.create(folder).close()
    (folder / "settings.toml").unlink()
    with Workspace.open(str(folder)) as opened:
        assert opened.settings == Settings()


def test_the_dataset_follows_the_settings(folder: Path) -> None:
    Workspace.create(folder).close()
    (folder / "settings.toml").write_text("[events.weights]\nwatch = 0.5\n")
    events = event_frame({"user_id": ["ann", "bo"], "item_id": ["tea", "cup"], "type": ["watch", "view"]})
    said: list[str] = []
    with Workspace.open(folder) as opened:
        opened.store.import_tables(Tables(events, pl.DataFrame({"item_id": ["pot"], "price": [1.5]})))
        dataset, _ = opened.dataset(lambda label, done, total: said.append(label))
    assert dataset.matrix().sum() == 0.5
    assert dataset.items.vocabulary.ids() == ("pot", "tea", "cup")
    assert said


# Settings


def test_settings_are_written_with_a_comment_above_each_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    Settings().write(file)
    assert Settings.read(file) == Settings()
    lines = file.read_text().splitlines()
    written = [place for place, line in enumerate(lines) if line.startswith(("recipe", "liked_from"))]
    assert len(written) == 2
    assert all(lines[place - 1].startswith("# ") for place in written)
    assert set(tomllib.loads(file.read_text())["events"]["weights"]) == set(Signals().weights)


def test_every_setting_is_documented() -> None:
    for model in (Settings, Signals, type(Settings().cleaning)):
        assert set(field_documents(model)) == set(model.model_fields)


def test_settings_of_any_kind_are_read_back(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    odd = Settings(recipe='a "quoted" \\ 名', events=Signals(weights={"add to cart": 0.5, "é.b": -1.0}, liked_from=3.5))
    odd.write(file)
    assert Settings.read(file) == odd


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recipes = 'x'", "there is no setting 'recipes'"),
        ("[events]\nlikes_from = 3", "there is no setting 'events.likes_from'"),
        ("[events]\nliked_from = 'four'", "the setting 'events.liked_from' is 'four'"),
        ("[events.weights]\nview = 'much'", "the setting 'events.weights.view' is 'much'"),
        ("recipe = ", "is not TOML"),
        ("recipe = ''", "the setting 'recipe' is ''"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(folder: Path, text: str, words: str) -> None:
    Workspace.create(folder).close()
    (folder / "settings.toml").write_text(text)
    with pytest.raises(InputError) as error:
        Workspace.open(folder)
    assert "settings.toml" in str(error.value)
    assert words in str(error.value)


# Models


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace.create(folder) as made:
        yield made


def published(workspace: Workspace, content: str) -> str:
    draft = workspace.new_model_folder()
    (draft / "part").mkdir()
    (draft / "part" / "card.json").write_text(content)
    return workspace.publish(draft)


def shelf(workspace: Workspace) -> set[str]:
    return {path.name for path in workspace.models_dir.iterdir()} - {promotions.FILE}


def test_publishing_makes_a_model_current_and_keeps_the_one_before(workspace: Workspace) -> None:
    assert workspace.current_model() is None
    versions = [published(workspace, str(n)) for n in range(3)]
    assert workspace.current_model() == workspace.models_dir / versions[2]
    assert (workspace.models_dir / versions[2] / "part" / "card.json").read_text() == "2"
    assert shelf(workspace) == {"current", versions[1], versions[2]}
    assert versions == sorted(versions)


def test_a_model_appears_only_when_it_is_published(workspace: Workspace) -> None:
    first = published(workspace, "1")
    draft = workspace.new_model_folder()
    assert draft.suffix == ".tmp"
    assert workspace.current_model() == workspace.models_dir / first
    workspace.publish(draft)
    assert not draft.exists()


def test_the_served_model_stays_whatever_was_fitted_after(workspace: Workspace) -> None:
    old, new = published(workspace, "old"), published(workspace, "new")
    (workspace.models_dir / "current").write_text(f"{old}\n")  # somebody went back
    newest = published(workspace, "newest")
    assert shelf(workspace) == {"current", old, newest}
    assert new not in shelf(workspace)


def test_who_put_a_model_in_service_is_written_down(workspace: Workspace) -> None:
    first, second = published(workspace, "1"), published(workspace, "2")
    workspace.promote(first, by="k1")
    assert [(one.version, one.how, one.by, one.before) for one in workspace.promotions()] == [
        (first, "fit", None, None),
        (second, "fit", None, first),
        (first, "choice", "k1", second),
    ]
    (workspace.models_dir / promotions.FILE).write_text("no json")
    assert workspace.promotions() == []
    workspace.promote(second)  # a file that is damaged begins anew
    assert [one.version for one in workspace.promotions()] == [second]


def test_a_model_is_put_in_service_although_it_cannot_be_written_down(workspace: Workspace) -> None:
    first, _ = published(workspace, "1"), published(workspace, "2")
    (workspace.models_dir / promotions.FILE).unlink()
    (workspace.models_dir / (promotions.FILE + ".tmp")).mkdir()  # where a draft of the file would stand
    workspace.promote(first)
    assert workspace.current_model() == workspace.models_dir / first


def fitted(workspace: Workspace) -> Path:
    rows = [(f"u{user}", f"i{(user + step) % 9}") for user in range(9) for step in range(4)]
    workspace.store.append([StoredEvent(user, item, "like") for user, item in rows])
    reading = workspace.read()
    workspace.adopt(Pipeline(Recipe.named("default")).fit(reading.dataset, FitOptions(threads=1)), reading)
    current = workspace.current_model()
    assert current is not None
    return current


def test_a_recipe_is_put_over_the_model_in_service(workspace: Workspace) -> None:
    old = fitted(workspace)
    recipe = Recipe.named("default")
    fewer = recipe.model_copy(update={"sources": recipe.sources[1:], "name": "fewer"})
    version = workspace.amend_model(old, fewer, {"said": "so"}, by="k1")
    assert workspace.current_model() == workspace.models_dir / str(version)
    pipeline = workspace.pipeline()
    assert pipeline.recipe == fewer
    assert pipeline.card["said"] == "so"
    assert set(pipeline.card["log"]["erasures"]) == {"als", "popular"}  # of what is gone nobody can forget anything
    last = workspace.promotions()[-1]
    assert (last.version, last.how, last.by, last.before) == (version, "recipe", "k1", old.name)
    assert last.recipe.strip() == fewer.to_toml().strip()
    # The model before is there to go back to, and once another is current nothing is done.
    assert workspace.versions() == [old.name, version]
    assert workspace.amend_model(old, recipe, {}) is None
    with pytest.raises(InputError, match="needs a fit"):
        workspace.amend_model(workspace.models_dir / str(version), recipe, {})
    assert workspace.versions() == [old.name, version]
    assert not list(workspace.models_dir.glob("*.tmp"))


@pytest.mark.parametrize("text", ["../../elsewhere", "/etc", ".."])
def test_the_pointer_leads_nowhere_else(workspace: Workspace, text: str) -> None:
    (workspace.models_dir / "current").write_text(text)
    current = workspace.current_model()
    assert current is None or current.parent == workspace.models_dir


def test_only_drafts_are_published(workspace: Workspace, tmp_path: Path) -> None:
    version = published(workspace, "1")
    (tmp_path / "x.tmp").mkdir()
    for wrong in (tmp_path / "x.tmp", workspace.models_dir / version, workspace.models_dir / "no.tmp"):
        with pytest.raises(InputError, match="new_model_folder"):
            workspace.publish(wrong)
    assert workspace.current_model() == workspace.models_dir / version


def test_drafts_of_the_dead_are_removed_and_those_of_the_living_are_not(workspace: Workspace, folder: Path) -> None:
    script = f"from serendip.store import Workspace; print(Workspace.open({str(folder)!r}).new_model_folder())"
    dead = Path(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout[:-1])
    assert dead.is_dir()
    living = workspace.new_model_folder()
    assert not dead.exists()
    another = Workspace.open(folder)
    another.new_model_folder()
    assert living.is_dir()
    another.close()
    workspace.publish(living)


def test_publishers_take_turns(workspace: Workspace) -> None:
    held = FolderLock(workspace.models_dir)
    assert held.take(wait=False)
    other = FolderLock(workspace.models_dir)
    assert not other.take(wait=False)
    held.release()
    assert other.take(wait=False)
    other.release()
