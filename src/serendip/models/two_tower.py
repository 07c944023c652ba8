"""Two towers: what people did and what items are, as vectors in one space, so that an item added a second ago is found.

The tower of items reads their `contents` (attributes; what a pretrained encoder says of their texts; columns of
vectors) and, for items that people met, a vector of their own; the tower of people reads the vectors of their history.
See `training.content_towers` for the formulas: Yi et al., "Sampling-bias-corrected neural modeling for large corpus
item recommendations", RecSys 2019, with the own vectors dropped out as in Volkovs, Yu and Poutanen, "DropoutNet:
addressing cold start in recommender systems", NeurIPS 2017.

Answers are told apart from all items that anybody met, or from drawn ones and those of the batch. Items can be added
after the fit; what nobody met is no wrong answer while learning, or new items would be pushed away.

What somebody asks for in words is read as an item of which no more is said, and counts like the newest event.

Use it for retrieval where things have contents and new ones come in all the time.

With width D, F numbers of content, histories of T events, E events in all and C candidates: an epoch O(E·C·D) and, for
each step, the tower of what it holds, O((C + B·T)·(F·D + D²)); memory O(N·(F + D)). A question costs O(T·D + D² + N·D).
"""

from __future__ import annotations

from typing import Self

import numpy as np
import polars as pl
import torch
from torch import Tensor

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.features.item_vectors import below
from serendip.models.base import Weights, fitted, take
from serendip.training import FitOptions, negatives, withheld
from serendip.training.content_reader import ContentReader
from serendip.training.content_towers import TowerConfig, TowerLesson, Towers
from serendip.training.loop import Schedule, learn
from serendip.training.sequences import Sequences
from serendip.training.session import torch_session

ROWS_AT_ONCE = 16_384
TITLE = "title"
"""The column of items as which words are read that somebody asks for."""


class TwoTower:
    Config = TowerConfig
    personalised = True

    def __init__(self, config: TowerConfig = TowerConfig()) -> None:
        self.config = config
        self._contents = ContentReader(config.contents, config.content_size)
        self._net: Towers | None = None
        self._vectors = np.empty((0, 0), np.float32)  # (N, D), of length 1

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._contents = ContentReader(self.config.contents, self.config.content_size, options)
        contents = [torch.from_numpy(kind) for kind in self._contents.fit_encode(dataset, options).values()]
        people = np.bincount(dataset.matrix().indices, minlength=dataset.n_items)
        met = np.flatnonzero(people)
        place = np.full(dataset.n_items, -1)
        place[met] = np.arange(len(met))
        whole = Sequences.of(dataset.histories(), place)
        with torch_session(options, len(whole.places)) as device:
            net = Towers([kind.shape[1] for kind in contents], len(met), self.config).to(device)
            if len(met):
                known = [kind[met].to(device) for kind in contents]
                lesson = self._lesson(net, whole, known, people[met], options, device)
                learn(lesson, self._schedule(), options, "two_tower", (self.config, whole.digest))
        self._net = net.to("cpu").eval()
        self._vectors = self._of_items(contents, place if self.config.own else np.full_like(place, -1), ROWS_AT_ONCE)
        return self

    def _lesson(
        self,
        net: Towers,
        whole: Sequences,
        contents: list[Tensor],
        people: IntArray,
        options: FitOptions,
        device: torch.device,
    ) -> TowerLesson:
        config = self.config
        most = config.examined if config.patience else 0
        left, asked, exam = withheld.last_items(whole, len(people), most, options.generator())
        drawn = config.negatives
        sampler = negatives.everything(len(people)) if drawn is None else negatives.mixed(people.astype(float), drawn)
        asked = asked.last(config.max_history)
        return TowerLesson(net, left, contents, len(people), config, sampler, asked, exam, device)

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
        contents = [torch.from_numpy(kind) for kind in self._contents.encode(items).values()]
        own = np.full(items.height, -1)
        added = self._of_items(contents, own, 1)  # one by one, so that each is what it is alone, to the last digit
        self._vectors = np.concatenate([self._vectors, added])
        return self

    def _of_words(self, words: list[str]) -> FloatArray:
        """What an item would be of which no more is said than `words`, (n, D)."""
        said = self._contents.encode(pl.DataFrame({"item_id": words, TITLE: words}))
        contents = [torch.from_numpy(kind) for kind in said.values()]
        return self._of_items(contents, np.full(len(words), -1), 1)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(self.query_vectors(queries) @ self.item_vectors().T, rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        net = fitted(self._net)
        weights = queries.recent(self.config.memory)
        met = queries.matrix(len(self._vectors), self.config.memory) @ self._vectors
        totals = np.bincount(queries.query_rows, weights, minlength=len(queries))
        spoken = [place for place, words in enumerate(queries.words or ()) if words]
        if spoken:  # what somebody asks for counts like the newest event of their history
            assert queries.words is not None
            met[spoken] += self._of_words([queries.words[place] for place in spoken])
            totals[spoken] += 1
        scale = np.divide(1, np.sqrt(totals), out=np.zeros(len(queries)), where=totals > 0)
        sums = (met * scale[:, None]).astype(np.float32)
        with torch.inference_mode():
            return np.asarray((net.of_people(torch.from_numpy(sums)) * net.tau).numpy())

    def item_vectors(self) -> FloatArray:
        fitted(self._net)
        return self._vectors

    def weights(self) -> Weights:
        learned = {f"net.{name}": value.numpy() for name, value in fitted(self._net).state_dict().items()}
        reader = {f"reader.{name}": array for name, array in self._contents.arrays().items()}
        return {"items": self._vectors, **learned, **reader}

    def restore(self, weights: Weights) -> Self:
        learned, self._vectors = below(weights, "net."), weights["items"]
        self._contents.restore(below(weights, "reader."))
        parts = sorted(name for name in learned if name.startswith("items.parts."))
        with torch.device("meta"):  # without drawing numbers that are thrown away
            net = Towers([learned[name].shape[1] for name in parts], len(learned["items.own.weight"]), self.config)
        net.load_state_dict({name: torch.tensor(value) for name, value in learned.items()}, assign=True)
        self._net = net.eval()
        return self
