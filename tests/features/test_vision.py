"""Pretrained encoders of pictures: tiny ones of each family are made on the spot, with weights drawn at random."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from serendip.errors import InputError
from serendip.features.encoders import vision_encoder

transformers = pytest.importorskip("transformers")
from serendip.features.encoders.vision import Looking, PretrainedPictures  # noqa: E402

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
EYE = SMALL | {"image_size": 32, "patch_size": 8}
READ = SMALL | {"vocab_size": 50, "max_position_embeddings": 16}
CLIP_LOOKS = {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True}
PLAIN_LOOKS = {"size": {"height": 32, "width": 32}, "resample": 3, "image_mean": [0.4] * 3, "image_std": [0.3] * 3}


def networks() -> dict[str, tuple[Any, dict[str, Any]]]:
    clip = transformers.CLIPConfig(text_config=READ, vision_config=EYE, projection_dim=12)
    siglip = transformers.SiglipConfig(text_config=READ, vision_config=EYE)
    return {
        "vit": (transformers.ViTModel(transformers.ViTConfig(**EYE)), PLAIN_LOOKS),
        "dinov2": (transformers.Dinov2Model(transformers.Dinov2Config(**EYE)), CLIP_LOOKS),
        "clip": (transformers.CLIPModel(clip), CLIP_LOOKS),
        "siglip": (transformers.SiglipModel(siglip), PLAIN_LOOKS),
        "clip_vision": (transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**EYE)), CLIP_LOOKS),
    }


FAMILIES = ["vit", "dinov2", "clip", "siglip", "clip_vision"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("vision")
    for name, (network, looks) in networks().items():
        network.eval().save_pretrained(root / name)
        (root / name / "preprocessor_config.json").write_text(json.dumps(looks))
    return {name: root / name for name in FAMILIES}


def pictures() -> list[Image.Image]:
    generator = np.random.default_rng(0)
    return [
        Image.fromarray(generator.integers(0, 256, (60, 80, 3), dtype=np.uint8)).resize((90 + n, 60)) for n in range(5)
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_of_each_family_is_read_without_torchvision(
    folders: dict[str, Path], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "torchvision" not in sys.modules
    encoder = vision_encoder(str(folders[family]))
    views = np.stack([encoder.view(picture) for picture in pictures()])
    assert views.shape == (5, 32, 32, 3)
    vectors = encoder.encode(views)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, 12 if family == "clip" else 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    monkeypatch.setattr("serendip.features.encoders.vision.PIXELS", 2 * 32 * 32)  # two at once
    np.testing.assert_allclose(encoder.encode(views), vectors, atol=1e-5)
    assert encoder.encode(views[:0]).shape == (0, vectors.shape[1])
    half = vision_encoder(f"{folders[family]}:bfloat16")
    assert 0.98 < (half.encode(views) * vectors).sum(axis=1).min() < 1 - 1e-7
    assert half.identity != encoder.identity


def test_clip_says_what_its_own_library_says(folders: dict[str, Path]) -> None:
    encoder = vision_encoder(str(folders["clip"]))
    views = np.stack([encoder.view(picture) for picture in pictures()])
    model = transformers.CLIPModel.from_pretrained(folders["clip"]).eval()
    scaled = torch.from_numpy((views.astype(np.float32) / 255 - 0.5) / 0.5).permute(0, 3, 1, 2)
    with torch.inference_mode():
        said = model.visual_projection(model.vision_model(pixel_values=scaled).pooler_output)
    said = torch.nn.functional.normalize(said, dim=1).numpy()
    np.testing.assert_allclose(encoder.encode(views), said, atol=1e-5)


def test_pictures_are_cut_and_sized_as_the_folder_says(folders: dict[str, Path]) -> None:
    assert Looking.of(folders["clip"]) == Looking(32, 40)
    assert Looking.of(folders["vit"]) == Looking(32, 0, (0.4,) * 3, (0.3,) * 3, 3)
    striped = np.zeros((40, 80, 3), np.uint8)
    striped[:, 30:50] = 255
    picture = Image.fromarray(striped)
    cut, squeezed = Looking.of(folders["clip"]).view(picture), Looking.of(folders["vit"]).view(picture)
    assert cut[:, :, 0].mean() / 255 == pytest.approx(20 / 32, abs=0.05)
    assert squeezed[:, :, 0].mean() / 255 == pytest.approx(20 / 80, abs=0.05)


def test_a_folder_that_is_none_is_said(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json is missing"):
        PretrainedPictures.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(InputError, match="pickled ones are not read"):
        PretrainedPictures.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"preprocessor_config\.json is missing"):
        PretrainedPictures.load(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PLAIN_LOOKS))
    with pytest.raises(InputError, match="of the family bert; pictures are read by vit"):
        PretrainedPictures.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(InputError, match="cannot be read"):
        PretrainedPictures.load(tmp_path)
    for odd in ({"size": "large"}, {"size": {"height": 0}}, {"size": 10**9}, {"image_std": [0, 1, 1]}):
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(odd))
        with pytest.raises(InputError, match="cannot be read"):
            PretrainedPictures.load(tmp_path)
    with pytest.raises(InputError, match="not in int8"):
        vision_encoder(f"{folders['vit']}:int8")


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="no encoder 'nobody/nothing'"):
        vision_encoder("nobody/nothing")
