"""Does the picture of an item find it? `python -m benchmarks.looking [--encoders looks,cnn] [--pictures 500]`.

Pictures of items of the demo world are asked of the recipe `default` with each encoder of pictures, as they are and
changed: half as large and saved as JPEG of quality 60. Told is how often an item with that very picture comes first,
and how often it is the item itself: several things of one kind, material and colour are drawn alike to the last pixel.
Written to results/search/pictures.json.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from serendip.data import Dataset, Query
from serendip.evaluation.resources import commit, machine, versions
from serendip.pipeline import Pipeline, Recipe
from serendip.pipeline.recipe import PictureSearch
from serendip.training import FitOptions
from serendip.world import World, generate

FILE = Path(__file__).parent / "results" / "search" / "pictures.json"


def changed(file: Path) -> bytes:
    """The same picture, half as large and compressed."""
    stream = io.BytesIO()
    with Image.open(file) as picture:
        width, height = picture.size
        picture.convert("RGB").resize((width // 2, height // 2)).save(stream, "JPEG", quality=60)
    return stream.getvalue()


def measure(world: World, folder: Path, encoder: str, n: int) -> dict[str, Any]:
    recipe = Recipe.named("default").model_copy(update={"picture": PictureSearch(encoder=encoder)})
    started_s = time.perf_counter()
    pipeline = Pipeline(recipe).fit(Dataset.from_tables(world.tables()), FitOptions(pictures=folder))
    fitted_s, items = time.perf_counter() - started_s, world.catalogue.items
    asked = [items[row] for row in np.random.default_rng(0).permutation(len(items))[:n]]
    drawn = {item.item_id: (folder / item.image).read_bytes() for item in items}
    hits: dict[str, list[bool]] = {name: [] for name in ("same", "same_itself", "changed", "changed_itself")}
    for item in asked:
        file = folder / item.image
        for name, picture in (("same", file.read_bytes()), ("changed", changed(file))):
            (first,) = pipeline.recommend(Query(image=picture, n=1)).item_ids
            hits[name].append(drawn[first] == drawn[item.item_id])
            hits[f"{name}_itself"].append(first == item.item_id)
    found: dict[str, Any] = {"encoder": encoder, "pictures": len(asked), "different": len(set(drawn.values()))}
    found |= {name: float(np.mean(those)) for name, those in hits.items()}
    return found | {"sight_s": pipeline.card["fit_seconds"]["sight"], "fit_s": fitted_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoders", default="looks,cnn")
    parser.add_argument("--pictures", type=int, default=500)
    chosen = parser.parse_args()
    world, runs = generate(), []
    with TemporaryDirectory() as folder:
        world.draw(Path(folder))
        for encoder in chosen.encoders.split(","):
            runs.append(measure(world, Path(folder), encoder, chosen.pictures))
            sys.stdout.write(f"{runs[-1]}\n")
            sys.stdout.flush()
    around = {"items": len(world.catalogue), "machine": machine(), "versions": versions(), "commit": commit()}
    around |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "runs": runs}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(around, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
