"""Models by name: what is found, and what is said when something is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from serendip import models
from serendip.errors import DamagedArtifactError, InputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a file is a model, as in `models/`."""
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    return tmp_path


def test_every_file_is_a_model_and_nothing_else_is() -> None:
    files = {file.stem for file in Path(models.__file__).parent.glob("*.py")}
    assert set(models.names()) == files - {"__init__", "base"}
    assert models.names() == sorted(models.names())
    assert {"popular", "item_knn", "ease", "als"} <= set(models.names())


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'eas'.*als.*ease"):
        models.load("eas")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith(("serendip.models.als", "serendip.algebra"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(InputError, match="model als needs the package numba"):
        models.load("als")


def test_a_broken_import_of_our_own_is_not_taken_for_a_missing_package(folder: Path) -> None:
    (folder / "astray.py").write_text("import serendip.no_such_room\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="no_such_room"):
        models.load("astray")


@pytest.mark.parametrize("count", [0, 2])
def test_a_file_holds_one_model(folder: Path, count: int) -> None:
    name = f"holds_{count}"
    code = "".join(f"class M{n}:\n    def score(self): ...\n" for n in range(count))
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    with pytest.raises(TypeError, match=f"holds {count} classes"):
        models.load(name)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("ease", {"l2": 0}),
        ("ease", {"max_items": 0}),
        ("als", {"embedding_size": 0}),
        ("als", {"alpha": -1}),
        ("als", {"epochs": 1.5}),
        ("item_knn", {"neighbors": 0}),
        ("item_knn", {"shrinkage": -1}),
        ("popular", {"half_life_days": 0}),
    ],
)
def test_impossible_values_are_refused_by_name(name: str, config: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"model {name}: {next(iter(config))}: "):
        models.make(name, config)


@pytest.mark.parametrize(
    "table", [[], {"model": "ease"}, {"model": "eas", "config": {}}, {"model": "ease", "config": {"l2": -1}}]
)
def test_a_saved_configuration_that_makes_no_sense_is_refused(tmp_path: Path, table: object) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(DamagedArtifactError, match=r"config\.json cannot be read"):
        models.open_saved(tmp_path)


def test_weights_that_lie_by_columns_are_saved_as_they_are(tmp_path: Path) -> None:
    """safetensors alone writes their numbers in the order in which they lie, and reads them by rows."""
    from safetensors.numpy import load_file, save_file

    by_columns = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    save_file({"items": by_columns}, tmp_path / "alone")
    assert not np.array_equal(load_file(tmp_path / "alone")["items"], by_columns)

    model = models.make("popular")
    model.weights = lambda: {"items": by_columns}  # type: ignore[method-assign]
    models.save(model, tmp_path / "saved")
    np.testing.assert_array_equal(load_file(tmp_path / "saved" / "weights.safetensors")["items"], by_columns)
