"""Words in the space of pictures: as transformers itself has it, and, of a tiny CLIP that was taught, the right one."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image, ImageDraw

from serendip.data import Dataset, Query, Tables, event_frame
from serendip.features.encoders import ReadsWords, vision_encoder
from serendip.features.encoders.looks import Looks
from serendip.pipeline import Pipeline, Recipe
from serendip.training import FitOptions

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 80, 220), "yellow": (230, 210, 50)}
SHAPES = ("square", "ring", "cross")
THINGS = list(itertools.product(COLOURS, SHAPES))
SPECIAL = ["[PAD]", "[BOS]", "[UNK]", "[EOS]"]
WORDS = [*SPECIAL, "a", *COLOURS, *SHAPES]
SIDE = 32
SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
EYE = SMALL | {"image_size": SIDE, "patch_size": 4}
READ = SMALL | {
    "vocab_size": len(WORDS),
    "max_position_embeddings": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 3,
}
LOOKS = {"size": {"height": SIDE, "width": SIDE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def tokenizer() -> Any:
    """One token for each word, between a beginning and an end."""
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: n for n, word in enumerate(WORDS)}, "[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing("[BOS] $A [EOS]", None, [("[BOS]", 1), ("[EOS]", 3)])
    names = dict(zip(("pad_token", "bos_token", "unk_token", "eos_token"), SPECIAL, strict=True))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)


def saved(model: Any, folder: Path) -> Path:
    model.eval().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(LOOKS))
    return folder


def clip() -> Any:
    torch.manual_seed(0)
    config = transformers.CLIPConfig(text_config=READ, vision_config=EYE, projection_dim=24)
    return transformers.CLIPModel(config)


def siglip() -> Any:
    torch.manual_seed(0)
    return transformers.SiglipModel(transformers.SiglipConfig(text_config=READ, vision_config=EYE))


def drawn(colour: str, shape: str, generator: np.random.Generator) -> Image.Image:
    """One shape of a colour, near the middle, on some grey."""
    picture = Image.new("RGB", (SIDE, SIDE), (int(generator.integers(90, 160)),) * 3)
    pen, size = ImageDraw.Draw(picture), int(generator.integers(18, 23))
    left, top = (int(generator.integers(3, 8)) for _ in range(2))
    box = left, top, left + size, top + size
    if shape == "square":
        pen.rectangle(box, COLOURS[colour])
    elif shape == "ring":
        pen.ellipse(box, outline=COLOURS[colour], width=3)
    else:
        pen.line(box, COLOURS[colour], 3)
        pen.line((box[0], box[3], box[2], box[1]), COLOURS[colour], 3)
    return picture


def taught(model: Any, steps: int) -> Any:
    """Each picture beside its words among all twelve: Radford et al., "Learning transferable visual models from natural
    language supervision", ICML 2021."""
    generator, optimiser = np.random.default_rng(1), torch.optim.AdamW(model.parameters(), 1e-3)
    told = tokenizer()([f"a {colour} {shape}" for colour, shape in THINGS], return_tensors="pt")
    words = {name: told[name] for name in ("input_ids", "attention_mask")}
    right = torch.arange(len(THINGS))
    model.train()
    for _ in range(steps):
        pixels = np.stack([np.asarray(drawn(*thing, generator), np.float32) for thing in THINGS])
        seen = torch.from_numpy((pixels / 255 - 0.5) / 0.5).permute(0, 3, 1, 2)
        logits = model(pixel_values=seen, **words).logits_per_image
        loss = torch.nn.functional.cross_entropy(logits, right) + torch.nn.functional.cross_entropy(logits.T, right)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_vectors_are_those_of_the_library_itself(family: str, tmp_path: Path) -> None:
    model = {"clip": clip, "siglip": siglip}[family]()
    encoder = vision_encoder(str(saved(model, tmp_path)))
    texts = ["a red square", "blue", "a green ring a yellow cross and much that is cut"]
    padding = True if family == "clip" else "max_length"
    told = tokenizer()(texts, padding=padding, truncation=True, max_length=8, return_tensors="pt")
    names = ("input_ids", "attention_mask") if family == "clip" else ("input_ids",)
    pictures = [drawn(*thing, np.random.default_rng(0)) for thing in THINGS]
    views = np.stack([encoder.view(picture) for picture in pictures])
    pixels = torch.from_numpy((views.astype(np.float32) / 255 - 0.5) / 0.5).permute(0, 3, 1, 2)
    with torch.inference_mode():
        of_words = plain(model.get_text_features(**{name: told[name] for name in names}))
        of_pictures = plain(model.get_image_features(pixel_values=pixels))
    assert isinstance(encoder, ReadsWords)
    said = encoder.of_words(texts)
    assert said is not None
    np.testing.assert_allclose(said, of_words, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(views), of_pictures, atol=1e-5)
    one = encoder.of_words(texts[:1])
    assert one is not None
    np.testing.assert_allclose(one[0], said[0], atol=1e-5)  # whatever it is padded to


def plain(found: Any) -> np.ndarray:
    vectors = found if isinstance(found, torch.Tensor) else found.pooler_output
    return torch.nn.functional.normalize(vectors, dim=1).numpy()


def test_who_has_no_words_says_so(tmp_path: Path) -> None:
    folder = saved(clip(), tmp_path / "clip")
    for name in folder.glob("token*"):
        name.unlink()
    without = vision_encoder(str(folder))
    assert isinstance(without, ReadsWords)
    assert without.of_words(["red"]) is None
    plain_eye = transformers.ViTModel(transformers.ViTConfig(**EYE))
    eye = vision_encoder(str(saved(plain_eye, tmp_path / "vit")))
    assert isinstance(eye, ReadsWords)
    assert eye.of_words(["red"]) is None
    assert not isinstance(Looks(), ReadsWords)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(taught(clip(), 150), tmp_path_factory.mktemp("taught"))


def shop(folder: Path) -> Dataset:
    """Sixty things of which nothing is said: their titles are numbers, and everybody likes something else."""
    generator = np.random.default_rng(7)
    rows = []
    for place in range(5 * len(THINGS)):
        drawn(*THINGS[place % len(THINGS)], generator).save(folder / f"{place}.png")
        rows.append({"item_id": f"i{place}", "title": f"Number {place}", "image": f"{place}.png"})
    likes = {"user_id": [f"u{n}" for n in range(60)], "item_id": [f"i{n}" for n in range(60)], "type": ["like"] * 60}
    return Dataset.from_tables(Tables(event_frame(likes), pl.DataFrame(rows)))


def right(pipeline: Pipeline) -> float:
    """Of the first five found by words for each colour and shape, how many are of both."""
    shares = []
    for place, (colour, shape) in enumerate(THINGS):
        found = pipeline.recommend(Query(text=f"a {colour} {shape}", n=5, diversity=0)).item_ids
        shares.append(np.mean([int(item_id[1:]) % len(THINGS) == place for item_id in found]) if found else 0.0)
    return float(np.mean(shares))


def fitted(encoder: Path, data: Dataset, pictures: Path) -> Pipeline:
    recipe = Recipe(name="seeing", sources=[{"model": "popular", "weight": 0.01}], picture={"encoder": str(encoder)})
    return Pipeline(recipe).fit(data, FitOptions(pictures=pictures))


def test_words_find_the_right_pictures_of_things_of_which_nothing_is_said(folder: Path, tmp_path: Path) -> None:
    data = shop(tmp_path)
    pipeline = fitted(folder, data, tmp_path)
    assert right(pipeline) > 0.9
    untaught = fitted(saved(clip(), tmp_path / "untaught"), data, tmp_path)
    assert right(untaught) < 0.4  # a twelfth by chance
    pipeline.save(tmp_path / "saved")
    assert right(Pipeline.load(tmp_path / "saved")) == right(pipeline)


def test_what_is_said_in_words_comes_first_and_filters_hold(folder: Path, tmp_path: Path) -> None:
    pipeline = fitted(folder, shop(tmp_path), tmp_path)
    assert pipeline.recommend(Query(text="number 7", n=1)).item_ids == ["i7"]
    only = frozenset({"i1", "i2", "i13"})
    assert pipeline.recommend(Query(text="a red ring", only=only, n=1)).item_ids[0] in {"i1", "i13"}
