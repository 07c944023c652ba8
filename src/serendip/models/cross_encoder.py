"""Cross-encoder: a Transformer that reads a history together with each candidate, to put some hundred in order.

The candidate stands where the next event would and looks at every event on every layer, so that what a history says can
depend on what is asked about; see `training.joint` for the formulas. Retrievers cannot do that, because their vectors
of people have to be there before any item is looked at. The division of work is that of Nogueira and Cho, "Passage
re-ranking with BERT", 2019, with events of a history in the place of words. Items are vectors of their own and what
their `contents` say.

In a pipeline (`[ranking]`) it learns on what the sources list (`FitOptions.retriever`); alone, on drawn rivals. It may
teach sources there what it has learned (`teaches`).

Use it for the last hundred candidates. To score all items is slow: each passes through the network for each history.

With width D, L blocks, histories of T events and C candidates: a question costs O(L (T + C) D² + L (T + C) T D); an
epoch as much for each list, with the negatives as candidates. Memory 4 N (D + F) bytes, F numbers of content.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import polars as pl
import torch

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.features.item_vectors import below
from serendip.models.base import Weights, fitted
from serendip.training import FitOptions, withheld
from serendip.training.content_reader import ContentReader, side_by_side
from serendip.training.joint import JointConfig, JointReader, Lists, ListwiseLesson, proposals, told_apart
from serendip.training.loop import Schedule, learn
from serendip.training.sequences import Sequences
from serendip.training.session import torch_session

AT_ONCE = 1 << 21
"""Pairs of a candidate and an event that are looked at together when answering."""
CANDIDATES_AT_ONCE = 1_024


class CrossEncoder:
    Config = JointConfig
    personalised = True

    def __init__(self, config: JointConfig = JointConfig()) -> None:
        self.config = config
        self._contents = ContentReader.of(config)
        self._net: JointReader | None = None
        self._vectors = np.empty((0, 0), np.float32)  # (N, D)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._contents = ContentReader.of(self.config, options)
        content = torch.from_numpy(side_by_side(self._contents.fit_encode(dataset, options), dataset.n_items))
        people = np.bincount(dataset.matrix().indices, minlength=dataset.n_items)
        own = np.where(people > 0, np.cumsum(people > 0) - 1, -1)
        whole = Sequences.of(dataset.histories(), np.arange(dataset.n_items))
        with torch_session(options, len(whole.places)) as device:
            net = JointReader(content.shape[1], int(np.count_nonzero(people)), self.config).to(device)
            lesson = self._lesson(net, whole, content.to(device), own, people, options)
            if len(lesson.lists.owners):
                learn(
                    lesson, self._schedule(), options, "cross_encoder", (self.config, whole.digest, lesson.lists.digest)
                )
        self._net = net.to("cpu").eval()
        self._vectors = self._of_items(content, own)
        return self

    def _lesson(
        self,
        net: JointReader,
        whole: Sequences,
        content: torch.Tensor,
        own: IntArray,
        people: IntArray,
        options: FitOptions,
    ) -> ListwiseLesson:
        config, generator = self.config, options.generator()
        most = config.examined if config.patience else 0
        left, asked, exam = withheld.last_items(whole, len(people), most, generator)
        propose = proposals(options.retriever, config.depth, people, generator)
        longest = config.max_history
        lists = Lists.within(left, longest + 1, config.lists, propose, generator)
        wanted = exam.wanted.indices.astype(np.int64) if exam else np.empty(0, np.int64)
        examined = Lists.at_the_end(asked, wanted, longest, propose)
        places = torch.from_numpy(own).to(content.device)
        read, last = left.last(longest + 1), asked.last(longest)
        return ListwiseLesson(net, read, lists, content, places, config, told_apart(people), last, examined)

    def _schedule(self) -> Schedule:
        config = self.config
        return Schedule(
            config.epochs, config.learning_rate, config.patience, config.weight_decay, warmup=0.02, averaging=0.9
        )

    def _of_items(self, content: torch.Tensor, own: IntArray) -> FloatArray:
        with torch.inference_mode():
            return np.asarray(fitted(self._net).items(content, torch.from_numpy(own)).numpy())

    def add_items(self, items: pl.DataFrame) -> Self:
        """See `models.base.AddsItems`."""
        fitted(self._net)
        content = torch.from_numpy(side_by_side(self._contents.encode(items), items.height))
        one_by_one = [self._of_items(row[None], np.array([-1])) for row in content]  # each as it is alone
        self._vectors = np.concatenate([self._vectors, *one_by_one])
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        net, vectors = fitted(self._net), torch.from_numpy(self._vectors)
        everything = np.broadcast_to(np.arange(len(self._vectors)), (len(queries), len(self._vectors)))
        candidates = everything if rows is None else rows
        known = np.asarray(self._vectors.any(axis=1))
        place = np.where(known, np.arange(len(known)), -1)
        sequences = Sequences.of(queries, place, self.config.max_history)
        found = np.zeros(candidates.shape, np.float32)
        members = np.argsort(sequences.lengths, kind="stable")[np.count_nonzero(sequences.lengths == 0) :]
        for first in range(0, candidates.shape[1], CANDIDATES_AT_ONCE):
            block = slice(first, first + CANDIDATES_AT_ONCE)
            for some in _parts(sequences.lengths[members], candidates[:1, block].size):
                which = members[some]
                found[which, block] = _read(net, vectors, sequences[which], candidates[which, block])
        return np.where(known[candidates], found, np.float32(0))

    def weights(self) -> Weights:
        learned = {f"net.{name}": value.numpy() for name, value in fitted(self._net).state_dict().items()}
        reader = {f"reader.{name}": array for name, array in self._contents.arrays().items()}
        return {"items": self._vectors, **learned, **reader}

    def restore(self, weights: Weights) -> Self:
        learned, self._vectors = below(weights, "net."), weights["items"]
        self._contents.restore(below(weights, "reader."))
        with torch.device("meta"):  # without drawing numbers that are thrown away
            net = JointReader(learned["lift.weight"].shape[1], len(learned["own.weight"]), self.config)
        net.load_state_dict({name: torch.tensor(value) for name, value in learned.items()}, assign=True)
        self._net = net.eval()
        return self


def _read(net: JointReader, vectors: torch.Tensor, sequences: Sequences, rows: IntArray) -> FloatArray:
    """(B, C) for `rows` (B, C) after the whole of each sequence, none of which is empty."""
    batch = sequences.batch(torch.device("cpu"))
    after = batch.lengths[:, None].expand(-1, rows.shape[1])
    with torch.inference_mode():
        candidates = vectors[torch.from_numpy(rows.astype(np.int64))]
        return np.asarray(net(vectors[batch.places], candidates, after)[0].numpy())


def _parts(lengths: IntArray, candidates: int) -> list[slice]:
    """Slices of sequences in order of length, each small enough to be read at once with so many candidates."""
    parts, start = [], 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or (end + 1 - start) * lengths[end] * max(1, candidates) > AT_ONCE:
            parts.append(slice(start, end))
            start = end
    return parts
