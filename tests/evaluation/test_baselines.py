"""Published and known figures on ml-100k: that they come out shows that models and protocols are right."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from serendip.data import Dataset, Tables, event_frame
from serendip.evaluation import Report, evaluate
from serendip.training import FitOptions

pytestmark = pytest.mark.data
MODELS = ["ease?l2=200", "popular"]


@pytest.fixture(scope="module")
def liked(data_root: Path) -> Dataset:
    """Ratings of 4 and more."""
    raw = pl.read_csv(
        gzip.decompress((data_root / "ml-100k" / "u.data.gz").read_bytes()),
        separator="\t",
        has_header=False,
        new_columns=["user_id", "item_id", "value", "time_s"],
        schema_overrides=[pl.String, pl.String, pl.Float64, pl.Int64],
    )
    columns = raw.select("user_id", "item_id", "value", type=pl.lit("rating"), time_ms=pl.col("time_s") * 1000)
    return Dataset.from_tables(Tables(event_frame(columns))).liked()


def ndcg(report: Report) -> dict[str, float]:
    return {model: report[model].metrics["ndcg@10"].mean for model in MODELS}


def test_a_random_split_flatters(liked: Dataset) -> None:
    report = evaluate(liked, MODELS, "random-per-user", FitOptions(threads=1), cutoffs=(10,))
    assert len(liked.events) == 55_375
    assert report.sizes["asked"] == 942
    assert ndcg(report) == {"ease?l2=200": pytest.approx(0.31, abs=0.01), "popular": pytest.approx(0.145, abs=0.01)}
    assert report.comparisons[0].p < 0.01


def test_a_split_by_time_tells_the_truth(liked: Dataset) -> None:
    recent = "popular?half_life_days=30"
    report = evaluate(liked, [*MODELS, recent], "global-time", FitOptions(threads=1), cutoffs=(10,))
    assert (report.sizes["asked"], report.sizes["new"]) == (91, 189)
    assert ndcg(report) == {"ease?l2=200": pytest.approx(0.116, abs=0.005), "popular": pytest.approx(0.116, abs=0.005)}
    # Nothing personal can be said to new people; taken into the mean, they would make popularity look twice as good.
    assert report["popular"].new_people["ndcg@10"].mean == pytest.approx(0.335, abs=0.02)
    assert report["ease?l2=200"].new_people["ndcg@10"].mean < 0.05
    # What was popular lately is the baseline to beat.
    assert report.comparisons[0].better == recent
    assert all(comparison.p < 0.05 for comparison in report.comparisons)
