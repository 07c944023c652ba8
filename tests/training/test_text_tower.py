"""The text tower: adapters beside frozen layers, what is kept of the layers below, and what only a tuned one learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.errors import InputError
from serendip.features.directions import Whitening
from serendip.training import FitOptions
from serendip.training.blocks.lora import Lora, adapted
from serendip.training.settings import Tuning

transformers = pytest.importorskip("transformers")

from serendip.training.text_tower import LiveText, TunedText  # noqa: E402

OPTIONS = FitOptions(seed=3, threads=1)
CPU = torch.device("cpu")
KINDS = ["tea", "boots", "lamps", "maps"]
NOISE = [f"word{place}" for place in range(12)]
N_ITEMS, N_NEW, N_PEOPLE = 120, 20, 250


def tiny(folder: Path) -> Path:
    """A BERT of two layers with weights drawn at random, and a tokenizer that knows these words."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *KINDS, *NOISE]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=len(vocabulary), max_position_embeddings=32, initializer_range=0.2, **sizes
        )
        transformers.BertModel(config).save_pretrained(folder)
    return folder


def shop() -> Dataset:
    """Everybody likes two of four kinds; a title is a word of its kind among four others. The last were never met."""
    generator = np.random.default_rng(5)
    kinds, rows = np.arange(N_ITEMS) % 4, []
    for person in range(N_PEOPLE):
        theirs = np.flatnonzero(np.isin(kinds[: N_ITEMS - N_NEW], generator.choice(4, 2, replace=False)))
        rows += [(f"p{person:03}", f"i{item:03}") for item in generator.choice(theirs, 8, replace=False)]
    users, items = zip(*rows, strict=True)
    titles = [" ".join(generator.permutation([KINDS[kind], *generator.choice(NOISE, 4)])) for kind in kinds]
    catalogue = pl.DataFrame({"item_id": [f"i{item:03}" for item in range(N_ITEMS)], "title": titles})
    events = event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(rows)})
    return Dataset.from_tables(Tables(events, catalogue))


def found(model: models.Model, data: Dataset) -> float:
    """Of the five never met that are listed first, the share of kinds that the person likes; half by chance."""
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    new = data.items.vocabulary.rows([f"i{item:03}" for item in range(N_ITEMS - N_NEW, N_ITEMS)])
    histories = data.histories(np.arange(100))
    best = kinds[new[np.argsort(-model.score(histories)[:, new], axis=1)[:, :5]]]  # (100, 5)
    bounds = zip(histories.offsets, histories.offsets[1:], strict=False)
    liked = [set(kinds[histories.item_rows[start:end]]) for start, end in bounds]
    return float(np.mean([kind in own for own, row in zip(liked, best, strict=True) for kind in row]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("tiny"))


def titles(data: Dataset) -> tuple[list[str], np.ndarray]:
    kinds = np.array([int(id_[1:]) % 4 for id_ in data.items.vocabulary.ids()])
    return data.items.attributes["title"].to_list(), kinds


def test_a_lora_says_what_its_layer_says_until_it_learns() -> None:
    base = torch.nn.Linear(5, 3)
    layer, x = Lora(base, 2), torch.randn(4, 5)
    torch.testing.assert_close(layer(x), base(x))
    assert set(layer.state_dict()) == {"down", "up"}
    torch.nn.init.normal_(layer.up)
    torch.testing.assert_close(layer(x), x @ (base.weight + layer.up @ layer.down).T + base.bias)


def test_adapters_take_the_place_of_query_and_value(folder: Path) -> None:
    layers = transformers.AutoModel.from_pretrained(folder).encoder.layer
    found = adapted(layers[1:], 3)
    assert list(found) == ["0_query", "0_value"]
    assert layers[1].attention.self.query is found["0_query"]
    assert isinstance(layers[0].attention.self.query, torch.nn.Linear)


@pytest.mark.parametrize("n_layers", [1, 2])
def test_what_is_live_is_what_is_encoded(folder: Path, n_layers: int) -> None:
    encoder = TunedText(str(folder), Tuning(n_layers, 4))
    texts = [*titles(shop())[0][:70], "", "tea"]
    for _ in range(2):
        vectors = encoder.encode(texts)
        whitening = Whitening.fit(vectors[:70], 8)
        expected = whitening(vectors, np.array([bool(text) for text in texts]))
        places = torch.tensor([71, 3, 70, 0, 42, 3])
        found = LiveText(encoder, texts, whitening, CPU)[places]
        np.testing.assert_allclose(found.detach().numpy(), expected[places], atol=1e-5)
        for adapter in encoder.adapters.values():  # and the same once they have learned something
            torch.nn.init.normal_(adapter.up, std=0.1)


def taught(folder: Path, texts: list[str], kinds: np.ndarray, tuned: bool) -> float:
    """How many of the last 20 texts are told right, by four numbers of each, after 60 steps on the others."""
    encoder = TunedText(str(folder), Tuning(2, 4))
    live = LiveText(encoder, texts, Whitening.fit(encoder.encode(texts), 4), CPU)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = torch.nn.Linear(4, 4)
    weights = [*head.parameters(), *(encoder.adapters.parameters() if tuned else [])]
    optimizer, right = torch.optim.AdamW(weights, lr=1e-2), torch.from_numpy(kinds)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(5 * head(live[torch.arange(100)]), right[:100]).backward()
        optimizer.step()
    return float((head(live[torch.arange(100, 120)]).argmax(1) == right[100:]).float().mean())


def test_it_learns_what_the_frozen_one_does_not_tell(folder: Path) -> None:
    texts, kinds = titles(shop())
    assert taught(folder, texts, kinds, tuned=True) > 0.9
    assert taught(folder, texts, kinds, tuned=False) < 0.7


def test_two_towers_learn_with_it_keep_its_adapters_alone_and_read_new_items_through_them(
    folder: Path, tmp_path: Path
) -> None:
    data = shop()
    settings = {"contents": f"text:{folder}", "negatives": 30, "epochs": 1, "patience": 0, "embedding_size": 16}
    model = models.make("two_tower", settings | {"tuned_layers": 1, "tuned_rank": 4}).fit(data, OPTIONS)
    frozen = models.make("two_tower", settings).fit(data, OPTIONS)
    own = {name: array for name, array in model.weights().items() if name not in frozen.weights()}
    ends = {name.rpartition("/net.")[2]: array.shape for name, array in own.items() if "/net." in name}
    assert ends == {"0_query.down": (4, 32), "0_query.up": (32, 4), "0_value.down": (4, 32), "0_value.up": (32, 4)}
    assert all(array.any() for array in own.values() if array.dtype == np.float32)
    models.save(model, tmp_path / "saved")
    opened = models.open_saved(tmp_path / "saved")
    np.testing.assert_array_equal(opened.score(data.histories()), model.score(data.histories()))
    assert isinstance(model, models.AddsItems)
    assert isinstance(opened, models.AddsItems)
    # A new item that is called what one that nobody met is called stands where that one does.
    row = int(data.items.vocabulary.rows([f"i{N_ITEMS - 1:03}"])[0])
    new = pl.DataFrame({"item_id": ["new"], "title": [data.items.attributes["title"][row]]})
    for one in (model, opened):
        scores = one.add_items(new).score(data.histories())  # type: ignore[attr-defined]
        np.testing.assert_allclose(scores[:, -1], scores[:, row], atol=1e-4)
    before = frozen.add_items(new).score(data.histories())  # type: ignore[attr-defined]
    assert not np.allclose(before, scores, atol=1e-3)


@pytest.mark.parametrize("end", [":bfloat16", ":int8"])
def test_what_cannot_learn_is_said(folder: Path, end: str) -> None:
    if end == ":int8":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
    with pytest.raises(InputError, match="cannot learn along"):
        TunedText(f"{folder}{end}", Tuning(1, 4))
