"""LightGCN: vectors smoothed over the graph of who wants what, and learned through the smoothing.

Items start from learned vectors, K steps over the graph of people and items follow, and the vector of each is the mean
of its layers: He, Deng, Wang, Li, Zhang and Wang, "LightGCN: simplifying and powering graph convolution network for
recommendation", SIGIR 2020. `training.propagation` has the algebra. What differs here:

- People start from nothing instead of a vector for each id, so that a person is a sum over their history, the same for
  somebody new, and each event has its exact share of a score. With `ids` they have vectors while learning.
- What a step asks for is out of the graph while it is asked for.
- A softmax over all items, estimated without bias from those of the batch and drawn ones, takes the place of one
  negative for each preference: Wu et al., "On the effectiveness of sampled softmax loss for item recommendation", TOIS
  2024. Of a person only the direction counts in it, of an item the length too. `bpr` is the loss of the paper.
- Learning starts from the leading singular vectors of the graph, not from noise.

Use it on data without an order where short vectors of items and histories are needed, to be indexed. For the best lists
take `graph_filter` or `sparse_ease` first: on gowalla (validation) they are ahead and learn in a fraction of the time.

With width D, E events and C candidates, a step of M pairs costs O(K·E·D + M·C·D), and an epoch has E / M of them;
memory 40 N·D + 40 E bytes and what a step needs while fitting, 8 N·D kept. A score costs O(T·D + N·D).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from torch import Tensor

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.blocks.graph import Graph
from serendip.training.propagation import GraphConfig, Method, Net, Pairs, Smoothed, ranked, recognised


class LightGcnConfig(GraphConfig):
    loss: Annotated[Literal["softmax", "bpr"], NotSearched("two models")] = "softmax"
    """Each preference is told apart from all items, or from one other as in the paper."""


class LightGcn:
    Config = LightGcnConfig
    personalised = True

    def __init__(self, config: LightGcnConfig = LightGcnConfig()) -> None:
        self.config = config
        self._smoothed: Smoothed | None = None

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        method = Method(self._loss, first=0)
        self._smoothed = Smoothed.by(method, dataset, self.config, options, "LightGCN")
        return self

    def _loss(self, net: Net, graph: Graph, pairs: Pairs) -> Tensor:
        people, items = net(graph).vectors(0)
        if self.config.loss == "softmax":
            return recognised(people, items, pairs, self.config.temperature)
        return ranked(people, items, pairs)

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
