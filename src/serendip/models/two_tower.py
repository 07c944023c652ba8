"""Two towers: what people did and what items are, as vectors in one space, so that an item added a second ago is found.

The tower of items reads their `contents` (attributes; what a pretrained encoder says of their texts; columns of
vectors) and, for items that people met, a vector of their own; the tower of people reads the vectors of their history.
How much an item is wanted by all stands beside the towers, and is foretold of new items from their contents.
See `training.content_towers` for the formulas: Yi et al., "Sampling-bias-corrected neural modeling for large corpus
item recommendations", RecSys 2019, with the own vectors dropped out as in Volkovs, Yu and Poutanen, "DropoutNet:
addressing cold start in recommender systems", NeurIPS 2017.

Answers are told apart from all items that anybody met, or from drawn ones and those of the batch. Items can be added
after the fit; what nobody met is no wrong answer while learning, or new items would be pushed away.

A slower model may teach it (`FitOptions.teacher`; in a pipeline `[ranking] teaches`): then it also learns what that one
says of lists, see `training.distillation`.

What somebody says (a search, a review) is read as an item of which no more is said: what they ask for now counts like
the newest event, and what they said before like any event of its time, while it learns too. So searches teach it which
words lead to which items.

Use it for retrieval where things have contents and new ones come in all the time.

With `tuned_layers` the last layers of a pretrained encoder of texts learn along, end to end, by low-rank adapters, and
these are saved with the model. That is far dearer: each step sends the texts of all its items through the layers, so
take few `negatives`, a small `batch_size`, few `epochs`, and a GPU for more than some thousand items. It is an
experiment: nothing was gained by it yet, and in a small made-up shop all items came to look alike.

With width D, F numbers of content, histories of T events, U people, E events in all and C candidates: an epoch
O(U·C·D), O(E·C·D) where candidates are drawn, and, for each step, the tower of what it holds, O((C + B·T)·(F·D +
D²)); memory O(N·(F + D)). A question costs O(T·D + D² + N·D).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
import polars as pl
import torch
from pydantic import Field
from torch import Tensor, nn

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.features.fame import Fame
from serendip.features.item_vectors import below
from serendip.models.base import NotSearched, Weights, fitted, take
from serendip.training import FitOptions, negatives, withheld
from serendip.training.content_reader import ContentReader
from serendip.training.content_towers import Rows, TowerConfig, TowerLesson, Towers, asking
from serendip.training.distillation import marked
from serendip.training.loop import Schedule, learn
from serendip.training.sequences import Sequences
from serendip.training.session import torch_session
from serendip.training.settings import Tuning
from serendip.training.spoken import Remembered, Spoken

if TYPE_CHECKING:  # it brings transformers
    from serendip.training.text_tower import LiveText

ROWS_AT_ONCE = 16_384


class TwoTowerConfig(TowerConfig):
    tuned_layers: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(0, ge=0)
    """The last so many layers of pretrained encoders of texts learn along; 0: they stay as they are."""
    tuned_rank: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(8, ge=1)
    """r, the rank of what is added to the projections of these layers."""


class TwoTower:
    Config = TwoTowerConfig
    personalised = True
    imitates = True

    def __init__(self, config: TwoTowerConfig = TwoTowerConfig()) -> None:
        self.config = config
        self._contents = self._reader(FitOptions())
        self._net: Towers | None = None
        self._vectors = np.empty((0, 0), np.float32)  # (N, D + 1), the first D of length 1
        self._fame = Fame()
        self._heard = Remembered()

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        items = dataset.items.attributes
        self._contents, self._heard, self._fame = self._reader(options), Remembered(), Fame()
        found = self._contents.fit_encode(dataset, options)
        contents = [torch.from_numpy(kind) for kind in found.values()]
        people = np.bincount(dataset.matrix().indices, minlength=dataset.n_items)
        met = np.flatnonzero(people)
        place = np.full(dataset.n_items, -1)
        place[met] = np.arange(len(met))
        histories = dataset.histories()
        whole = Sequences.of(histories, place)
        learning: dict[str, LiveText] = {}
        with torch_session(options, len(whole.places)) as device:
            net = Towers([kind.shape[1] for kind in contents], len(met), self.config).to(device)
            if len(met):
                net.start(people[met])
                if self.config.tuned_layers:
                    learning = self._contents.learning(items[met], device)
                net.adapters = nn.ModuleList(live.adapters for live in learning.values())  # they learn with the rest
                known = [learning.get(kind) or torch.from_numpy(x[met]).to(device) for kind, x in found.items()]
                spoken = None if learning else self._spoken(histories, place, device)
                lesson = self._lesson(net, whole, known, people, spoken, options, device)
                beside = "".join(part.digest for part in (lesson.marked, spoken) if part is not None)
                learn(lesson, self._schedule(), options, "two_tower", (self.config, whole.digest, beside))
            self._net = net.to("cpu").eval()
        for live in learning.values():
            live.release()
        if learning:
            found = self._contents.encode(items)
            contents = [torch.from_numpy(kind) for kind in found.values()]
        vectors = self._of_items(contents, place if self.config.own else np.full_like(place, -1), ROWS_AT_ONCE)
        self._vectors = self._side_by_side(vectors, self._standing(items, found, met))
        return self

    def _standing(self, items: pl.DataFrame, found: dict[str, FloatArray], met: IntArray) -> FloatArray:
        """b, (N,) float32: what was learned of the items that somebody `met`, and what that tells of all others."""
        if not self.config.fame:
            return np.zeros(items.height, np.float32)
        learned = fitted(self._net).standing.detach().numpy()[: len(met)]
        everything = self._contents.everything(items, found)
        standing = self._fame.fit(everything[met], learned).told(everything)
        standing[met] = learned
        return standing

    def _told(self, items: pl.DataFrame, found: dict[str, FloatArray]) -> FloatArray:
        """b of items that nobody met, (n,) float32."""
        if not self.config.fame:
            return np.zeros(items.height, np.float32)
        return self._fame.told(self._contents.everything(items, found))

    def _side_by_side(self, vectors: FloatArray, standing: FloatArray) -> FloatArray:
        """What a question (see `query_vectors`) is multiplied with, (n, D + 1)."""
        return np.column_stack([vectors, standing / np.float32(fitted(self._net).tau.detach())]).astype(np.float32)

    def _reader(self, options: FitOptions) -> ContentReader:
        config = self.config
        tuning = Tuning(config.tuned_layers, config.tuned_rank) if config.tuned_layers else None
        return ContentReader.of(config, options, tuning)

    def _lesson(
        self,
        net: Towers,
        whole: Sequences,
        contents: Sequence[Rows],
        people: IntArray,
        spoken: Spoken | None,
        options: FitOptions,
        device: torch.device,
    ) -> TowerLesson:
        config = self.config
        most = config.examined if config.patience else 0
        met = np.flatnonzero(people)
        left, asked, exam = withheld.last_items(whole, len(met), most, options.generator())
        drawn, wanted = config.negatives, people[met].astype(float)
        sampler = negatives.everything(len(met)) if drawn is None else negatives.mixed(wanted, drawn)
        told = marked(left, met, len(people), config.max_history, options) if config.distilled else None
        asked = asked.last(config.max_history)
        examined = np.flatnonzero(left.lengths < whole.lengths)
        lesson = TowerLesson(net, left, contents, len(met), config, sampler, asked, exam, device, told)
        at_ms = whole.times_ms[whole.offsets[1:][examined] - 1]
        return replace(lesson, spoken=spoken, examined_people=examined, examined_ms=at_ms)

    def _spoken(self, histories: Queries, place: IntArray, device: torch.device) -> Spoken | None:
        """What people said, as far as it counts; None where nobody said anything."""
        said, _ = histories.spoken(None)
        if not len(said):
            return None
        contents = [torch.from_numpy(kind).to(device) for kind in self._read(said.texts.tolist())]
        about = np.append(place, -1)[said.item_rows]
        return Spoken(said.owned(None, about), contents, self.config.memory)

    def _schedule(self) -> Schedule:
        config = self.config
        return Schedule(
            config.epochs, config.learning_rate, config.patience, config.weight_decay, warmup=0.02, averaging=0.9
        )

    def _of_items(self, contents: list[Tensor], own: IntArray, at_once: int) -> FloatArray:
        """(n, D), from contents (n, K_m) of each kind and where their own vectors are (n,), so many together."""
        net = fitted(self._net)
        found = [np.empty((0, self.config.embedding_size), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(own), at_once):
                some = slice(start, start + at_once)
                found.append(net.items([kind[some] for kind in contents], torch.from_numpy(own[some])).numpy())
        return np.concatenate(found)

    def add_items(self, items: pl.DataFrame) -> Self:
        """See `models.base.AddsItems`."""
        fitted(self._net)
        found = self._contents.encode(items)
        contents = [torch.from_numpy(kind) for kind in found.values()]
        own = np.full(items.height, -1)
        added = self._of_items(contents, own, 1)  # one by one, so that each is what it is alone, to the last digit
        self._vectors = np.concatenate([self._vectors, self._side_by_side(added, self._told(items, found))])
        return self

    def _read(self, words: list[str]) -> list[FloatArray]:
        """Contents of items of which no more is said than `words`, (n, K_m) of each kind."""
        return list(self._contents.said(words).values())

    def _of_words(self, words: list[str]) -> FloatArray:
        """What an item would be of which no more is said than `words`, (n, D)."""
        contents = [torch.from_numpy(kind) for kind in self._read(words)]
        return self._of_items(contents, np.full(len(words), -1), 1)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(self.query_vectors(queries) @ self.item_vectors().T, rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        net = fitted(self._net)
        weights = queries.recent(self.config.memory)
        met = (queries.matrix(len(self._vectors), self.config.memory) @ self._vectors)[:, :-1]
        totals = np.bincount(queries.query_rows, weights, minlength=len(queries))
        spoken = [place for place, words in enumerate(queries.words or ()) if words]
        if spoken:  # what somebody asks for counts like the newest event of their history
            assert queries.words is not None
            met[spoken] += self._of_words([queries.words[place] for place in spoken])
            totals[spoken] += 1
        said, counts = queries.spoken(self.config.memory)
        if len(said):
            np.add.at(met, said.owners, counts[:, None] * self._heard.of(said.texts.tolist(), self._of_words))
            totals = totals + np.bincount(said.owners, counts, minlength=len(queries))
        scale = np.divide(1, np.sqrt(totals), out=np.zeros(len(queries)), where=totals > 0)
        sums = (met * scale[:, None]).astype(np.float32)
        with torch.inference_mode():
            people = asking(net.of_people(torch.from_numpy(sums))) * net.tau
        return np.asarray(people.numpy() * sums.any(axis=1, keepdims=True), np.float32)  # else nothing is known of them

    def item_vectors(self) -> FloatArray:
        fitted(self._net)
        return self._vectors

    def weights(self) -> Weights:
        state = fitted(self._net).state_dict()  # adapters are what the reader learned
        learned = {f"net.{name}": x.numpy() for name, x in state.items() if not name.startswith("adapters.")}
        reader = {f"reader.{name}": array for name, array in self._contents.arrays().items()}
        return {"items": self._vectors, **learned, **reader, "worth": self._fame.worth}

    def restore(self, weights: Weights) -> Self:
        learned, self._vectors, self._heard = below(weights, "net."), weights["items"], Remembered()
        self._contents.restore(below(weights, "reader."))
        self._fame.worth = weights["worth"]
        parts = sorted(name for name in learned if name.startswith("items.parts."))
        with torch.device("meta"):  # without drawing numbers that are thrown away
            net = Towers([learned[name].shape[1] for name in parts], len(learned["items.own.weight"]), self.config)
        net.load_state_dict({name: torch.tensor(value) for name, value in learned.items()}, assign=True)
        self._net = net.eval()
        return self
