"""Results: one JSON object per model and case, the same for ours and for other libraries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from serendip.errors import InputError
from serendip.evaluation import Estimate

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Result:
    """What one model reached on one case, what it took, and where."""

    case: str
    model: str
    """With its settings, where they are not the defaults: `ease?l2=500`."""
    provider: str
    """`serendip`, or the library that the model comes from."""
    seeds: list[int]
    """Metrics and costs are means over the fits with these."""
    metrics: dict[str, Estimate]
    """Slices too, as `ndcg@10 [tail items]`."""
    fit_cpu_s: float
    fit_wall_s: float
    evaluate_wall_s: float
    """To rank for everybody asked, without the metrics; of ratings, to predict them."""
    peak_mb: float
    """Largest resident memory of the process, the data included, in millions of bytes."""
    threads: int
    device: str
    machine: str
    versions: dict[str, str]
    split_hash: str
    data_hash: str
    config: dict[str, Any]
    commit: str | None
    date: str

    @property
    def key(self) -> tuple[str, str, str]:
        """A result replaces an earlier one of the same key."""
        return self.case, self.provider, self.model

    @classmethod
    def of(cls, table: dict[str, Any], where: str) -> Result:
        """From one JSON object.

        Raises:
            InputError: a field is missing or unknown, or there is no metric; the sentence says `where`.
        """
        names = [field.name for field in fields(cls)]
        for name in names:
            if name not in table:
                raise InputError(f"{where}: the field {name!r} is missing")
        if unknown := sorted(set(table) - set(names)):
            raise InputError(f"{where}: there is no field {unknown[0]!r}")
        if not table["metrics"]:
            raise InputError(f"{where}: there are no metrics")
        return cls(**table | {"metrics": {name: Estimate(**figure) for name, figure in table["metrics"].items()}})


def read(file: Path) -> list[Result]:
    """The results of one file.

    Raises:
        InputError: the file is not a list of results.
    """
    try:
        tables = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from None
    if not isinstance(tables, list):
        raise InputError(f"{file} holds no list of results")
    return [Result.of(table, f"{file}, result {place}") for place, table in enumerate(tables, 1)]


def read_all(folder: Path = FOLDER) -> list[Result]:
    """The results of all files in `folder`; of several with one key the latest counts."""
    found = [result for file in sorted(folder.glob("*.json")) for result in read(file)]
    return list({result.key: result for result in sorted(found, key=lambda result: result.date)}.values())


def write(file: Path, new: Iterable[Result]) -> None:
    """Add results to `file`; one with the key of an earlier result takes its place."""
    kept = {result.key: result for result in (read(file) if file.exists() else [])}
    kept |= {result.key: result for result in new}
    ordered = sorted(kept.values(), key=lambda result: result.key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(to_json(ordered) + "\n", encoding="utf-8")


def to_json(results: Iterable[Result]) -> str:
    """A list that `read` reads."""
    return json.dumps([asdict(result) for result in results], indent=1, ensure_ascii=False)
