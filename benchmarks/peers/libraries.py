"""Libraries: which peers there are, where they are installed, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serendip.errors import InputError

FOLDER = Path(__file__).parent
ENVIRONMENTS = FOLDER.parents[1] / ".peers"


@dataclass(frozen=True)
class Peer:
    """A library.

    Its models come with the defaults of the library, and, where one of ours does the same, once more with the
    settings of ours, in the words of the library. A setting that follows `?` differs from the library's default.
    """

    name: str
    """Of its adapter, and the provider in results."""
    environment: str
    """Libraries that install together share one."""
    rankers: tuple[str, ...] = ()
    raters: tuple[str, ...] = ()

    @property
    def adapter(self) -> Path:
        return FOLDER / "adapters" / f"{self.name}.py"

    @property
    def python(self) -> Path:
        return ENVIRONMENTS / self.environment / "bin" / "python"

    def models(self, kind: str) -> tuple[str, ...]:
        return self.rankers if kind == "ranking" else self.raters


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "implicit",
            "modern",
            (
                "als",
                "als?factors=64&alpha=6&regularization=30",  # its alpha is the whole confidence: ours is 1 + 5
                "bpr",
                "item_knn_cosine",
                "item_knn_cosine?K=100",
                "item_knn_bm25",
            ),
        ),
        Peer("lenskit", "modern", (
            "popular",
            "item_knn",
            "ease",
            "ease?regularization=200",
            "als",
            "als?embedding_size=64&weight=5&regularization=30&epochs=15",
        )),
        Peer(
            "cornac",
            "modern",
            ("popular", "ease", "ease?lamb=200&posB=false", "bpr", "bpr?k=64&learning_rate=0.01"),
            ("mf",),
        ),
        Peer(
            "rectools",
            "rectools",
            (
                "popular",
                "ease",
                "ease?regularization=200",
                "als",
                "als?factors=64&alpha=6&regularization=30",
                "item_knn_cosine",
                "item_knn_tfidf",
            ),
        ),
        Peer(
            "recbole",
            "recbole",
            (
                "popular",
                "item_knn",
                "item_knn?shrink=10",
                "ease",
                "ease?reg_weight=200",
                "bpr?epochs=50",  # its 300 epochs count on early stopping
            ),
        ),
        Peer("surprise", "modern", raters=("baseline", "svd", "svdpp?cache_ratings=true", "nmf", "knn_baseline")),
    )
}  # fmt: skip


def find(name: str) -> Peer:
    """The peer called `name`.

    Raises:
        InputError: there is no such peer; the message lists those there are.
    """
    if name not in PEERS:
        raise InputError(f"there is no peer {name!r}; there are {', '.join(PEERS)}")
    return PEERS[name]
