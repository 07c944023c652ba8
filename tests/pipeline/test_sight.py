"""Sight: the picture of an item finds it, also made smaller or compressed, and what is no picture is said."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serendip.data import Dataset, InputError, Query
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.recipe import PictureSearch
from serendip.training import FitOptions
from serendip.world import World, generate


def changed(file: Path) -> bytes:
    """The same picture, smaller and compressed."""
    stream = io.BytesIO()
    with Image.open(file) as picture:
        width, height = picture.size
        picture.convert("RGB").resize((width // 2, height // 2)).save(stream, "JPEG", quality=60)
    return stream.getvalue()


def seeing(encoder: str) -> Recipe:
    default = Recipe.named("default")
    return default.model_copy(update={"picture": PictureSearch(encoder=encoder)})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    world, folder = generate(n_items=150, n_people=60, n_days=10, target_events=1_500), tmp_path_factory.mktemp("shop")
    world.draw(folder)
    return world, folder


@pytest.fixture(scope="module")
def pipeline(world: tuple[World, Path]) -> Pipeline:
    dataset = Dataset.from_tables(world[0].tables())
    return Pipeline(seeing("looks")).fit(dataset, FitOptions(pictures=world[1]))


def test_an_item_is_found_by_its_picture(world: tuple[World, Path], pipeline: Pipeline) -> None:
    files = {item.item_id: world[1] / item.image for item in world[0].catalogue.items}
    own = [pipeline.recommend(Query(image=file, n=1)).item_ids == [id_] for id_, file in files.items()]
    assert np.mean(own) >= 0.95
    again = [pipeline.recommend(Query(image=changed(file), n=1)).item_ids == [id_] for id_, file in files.items()]
    assert np.mean(again) >= 0.95
    liked, other = list(files)[3], list(files)[40]
    top = pipeline.recommend(Query(image=files[other].read_bytes(), history=(liked,), n=3))
    assert top[0].item_id == other
    assert top[0].reasons[0].code == "image"


def test_words_and_a_picture_are_both_heard(world: tuple[World, Path], pipeline: Pipeline) -> None:
    items = world[0].catalogue.items
    mug = next(item for item in items if item.category.name.en == "shoes")
    found = pipeline.recommend(Query(image=world[1] / mug.image, text="a book", n=5))
    assert {one.attributes["category"] for one in found} == {"books"}
    assert found.item_ids != pipeline.recommend(Query(text="a book", n=5)).item_ids


def test_what_was_seen_is_saved_and_new_items_are_seen(
    world: tuple[World, Path], pipeline: Pipeline, tmp_path: Path
) -> None:
    pipeline.save(tmp_path / "saved")
    opened, (first, second) = Pipeline.load(tmp_path / "saved"), world[0].catalogue.items[:2]
    query = Query(image=world[1] / first.image, n=5)
    assert opened.recommend(query).to_dict() == pipeline.recommend(query).to_dict()
    records = dict(zip(opened.items.ids(), opened.catalogue.records, strict=True))
    drawn = Image.effect_noise((90, 90), 90).convert("RGB")
    drawn.save(world[1] / "noise.png")
    opened.refresh_items({**records, "new": {"title": "Noise", "image": "noise.png"}})
    assert opened.recommend(Query(image=world[1] / "noise.png", n=1)).item_ids != ["new"]  # nobody said where it lies
    opened.pictures = world[1]
    opened.refresh_items({**records, "new": {"title": "Noise", "image": "noise.png"}, "bad": {"image": "/etc/passwd"}})
    assert opened.recommend(Query(image=world[1] / "noise.png", n=1)).item_ids == ["new"]
    assert opened.recommend(query).item_ids[0] == first.item_id
    assert opened.recommend(Query(image=world[1] / second.image, n=1)).item_ids == [second.item_id]


@pytest.mark.parametrize("data", [b"", b"not at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_is_said_in_a_sentence(pipeline: Pipeline, data: bytes) -> None:
    with pytest.raises(InputError, match="the picture is no picture that can be opened") as caught:
        pipeline.recommend(Query(image=data))
    assert "\n" not in str(caught.value)
    assert pipeline.recommend(Query(n=3)).item_ids


def test_a_text_is_never_a_path(world: tuple[World, Path]) -> None:
    file = str(world[1] / world[0].catalogue.items[0].image)
    with pytest.raises(ValueError, match="base64"):
        Query(image=file)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot be read"):
        Query(image=world[1] / "nothing.png")
    with pytest.raises(ValueError, match="at most"):
        Query(image=b"\0" * 10_000_001)


def test_who_sees_nothing_says_so(world: tuple[World, Path]) -> None:
    recipe = Recipe(name="blind", sources=[{"model": "popular"}])
    blind = Pipeline(recipe).fit(Dataset.from_tables(world[0].tables()))
    found = blind.recommend(Query(image=b"anything", n=3))
    assert len(found) == 3
    assert "was not looked at" in found.warnings[0]
    with pytest.raises(InputError, match="no encoder of pictures 'eyes'"):
        Pipeline(seeing("eyes")).fit(Dataset.from_tables(world[0].tables()))
