"""XSimGCL: vectors smoothed over the graph with noise at each step, and each told apart from all others.

LightGCN (see `lightgcn`), where each step over the graph adds a little noise, and where the vector of a person or an
item must be recognised by that of its first layer alone, among those of others:

    loss = L(preferences) + λ (InfoNCE(P, P_first) + InfoNCE(Q, Q_first)),

which spreads the vectors evenly, so that what few want is not drowned. One pass over the graph gives both views. Yu,
Xia, Chen, Cui, Hung and Yin, "XSimGCL: towards extremely simple graph contrastive learning for recommendation", TKDE
36(2), 2024. As in the paper the learned layer itself does not count. As in `lightgcn` people are sums over their
history, what is asked for is out of the graph, and preferences are learned by a softmax in the place of BPR. The noise
is a share of the length of what it moves, so that it cannot be outgrown.

The paper finds it ahead of LightGCN on sparse data; here that was not seen so far, and it takes twice the time.

With width D, E events and C candidates, a step of M pairs costs O(K·E·D + M·C·D + S²·D) with S people and items told
apart, 2,048 at most, and an epoch has E / M of them; memory and a score as `lightgcn`.
"""

from __future__ import annotations

from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import Search, Weights, fitted, take
from serendip.training import FitOptions, losses
from serendip.training.blocks.graph import Graph, there
from serendip.training.propagation import GraphConfig, Method, Net, Pairs, Smoothed, recognised

CONTRASTED = 2_048
"""People, and items, told apart from each other in one step at most."""
FIRST = 1
"""The first layer that counts, and the first layer told apart."""


class XSimGclConfig(GraphConfig):
    layers: Annotated[int, Search(2, 4)] = Field(4, ge=2)
    """K, how many steps over the graph are taken, each from items to people or back."""
    noise: Annotated[float, Search(0.05, 0.5)] = Field(0.2, ge=0)
    """How far a step moves each vector at random, in parts of its length."""
    contrast: Annotated[float, Search(0.02, 0.5, log=True)] = Field(0.1, ge=0)
    """λ: how much telling people and items apart counts beside telling preferences apart."""


class XSimGcl:
    Config = XSimGclConfig
    personalised = True

    def __init__(self, config: XSimGclConfig = XSimGclConfig()) -> None:
        self.config = config
        self._smoothed: Smoothed | None = None

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        method = Method(self._loss, FIRST)
        self._smoothed = Smoothed.by(method, dataset, self.config, options, "XSimGCL")
        return self

    def _loss(self, net: Net, graph: Graph, pairs: Pairs) -> Tensor:
        config, layers = self.config, net(graph, self.config.noise)
        people, items = layers.vectors(FIRST)
        wanted = recognised(people, items, pairs, config.temperature)
        if not config.contrast:
            return wanted
        told = ((people, layers.people, pairs.people), (items, layers.items, pairs.items))
        views = [(whole, there(side[FIRST:])[0], torch.unique(who[:CONTRASTED])) for whole, side, who in told]
        apart = [losses.info_nce(whole[who], first[who], config.temperature) for whole, first, who in views]
        return wanted + config.contrast * (apart[0] + apart[1])

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._smoothed).score(queries), rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        """See `models.base.Embeds`."""
        return fitted(self._smoothed).query_vectors(queries)

    def item_vectors(self) -> FloatArray:
        return fitted(self._smoothed).targets

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """See `models.base.Attributes`."""
        return fitted(self._smoothed).contributions(queries, rows)

    def weights(self) -> Weights:
        return fitted(self._smoothed).weights()

    def restore(self, weights: Weights) -> Self:
        self._smoothed = Smoothed(weights["sources"], weights["targets"], self.config.memory)
        return self
