"""Is what somebody describes found? `python -m benchmarks.searching [--requests 200] [--encoders words,minilm]`.

Requests for items of the demo world are drawn (`world.requests`) in English and in Chinese, in words that the catalogue
uses and in other words, and asked of the recipe `default`, alone and with the history of a person drawn at random who
never met the item. Told is how often the item stands among the first five and first, with words alone and with each
encoder of texts beside. Written to results/search/demo_world.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from serendip.data import Dataset, Query
from serendip.data.arrays import FloatArray
from serendip.evaluation.resources import commit, machine, versions
from serendip.pipeline import Pipeline, Recipe
from serendip.training import FitOptions
from serendip.world import World, generate
from serendip.world.requests import Request, requests

FILE = Path(__file__).parent / "results" / "search" / "demo_world.json"
LISTED = 5
Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def fitted(dataset: Dataset, encoder: str | None, vectors: Path | None = None) -> Pipeline:
    """The recipe `default`, with an encoder of texts beside the words."""
    recipe = Recipe.named("default")
    text = recipe.text.model_copy(update={"encoder": encoder})
    return Pipeline(recipe.model_copy(update={"text": text})).fit(dataset, FitOptions(vectors=vectors))


def places(pipeline: Pipeline, world: World, asked: list[Request], personal: bool) -> FloatArray:
    """At which place of its list each described item stands, (n,), from 1; infinite where it is not listed."""
    ids = [item.item_id for item in world.catalogue.items]
    generator = np.random.default_rng(1)
    found = []
    for request in asked:
        user = _stranger_to(pipeline, world, ids[request.row], generator) if personal else None
        listed = pipeline.recommend(Query(text=request.text, user=user, n=LISTED, diversity=0)).item_ids
        found.append(listed.index(ids[request.row]) + 1.0 if ids[request.row] in listed else np.inf)
    return np.asarray(found)


def _stranger_to(pipeline: Pipeline, world: World, item: str, generator: np.random.Generator) -> str:
    """Somebody who never met the item."""
    while True:
        user = str(generator.choice(world.people.user_ids))
        if item not in {event.item_id for event in pipeline.lookup(user)}:
            return user


def measure(
    pipeline: Pipeline, world: World, n: int, personal: tuple[bool, ...] = (False, True)
) -> list[dict[str, Any]]:
    cells = [(language, other, own) for language in LANGUAGES for other in (False, True) for own in personal]
    return [_cell(pipeline, world, n, *cell) for cell in cells]


def _cell(pipeline: Pipeline, world: World, n: int, language: Language, other: bool, personal: bool) -> dict[str, Any]:
    asked = requests(world.catalogue.items, n, language, np.random.default_rng(0), other)
    found = places(pipeline, world, asked, personal)
    return {
        "language": language,
        "in_other_words": other,
        "with_a_history": personal,
        "requests": len(asked),
        "first": float((found == 1).mean()),
        f"first_{LISTED}": float((found <= LISTED).mean()),
        "examples": [request.text for request in asked[:3]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--encoders", default="words,minilm")
    parser.add_argument("--vectors", type=Path, help="a file in which vectors are kept")
    chosen = parser.parse_args()
    world = generate()
    dataset = Dataset.from_tables(world.tables())
    runs = []
    for encoder in (None, *filter(None, chosen.encoders.split(","))):
        pipeline = fitted(dataset, encoder, chosen.vectors)
        for cell in measure(pipeline, world, chosen.requests):
            runs.append({"encoder": encoder, **cell})
            sys.stdout.write(f"{runs[-1]}\n")
            sys.stdout.flush()
    around = {"items": len(world.catalogue), "machine": machine(), "versions": versions(), "commit": commit()}
    around |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "runs": runs}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(around, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
