"""Next items: sequences without times, the last item left out, the whole catalogue ranked."""

from __future__ import annotations

from pathlib import Path

from benchmarks.cases.case import Case, Material, Published
from benchmarks.cases.folds import leave_last_out, validation_between
from serendip.data import Dataset
from serendip.data.readers import read

PROTOCOL = (
    "Each person's last item is the test and the one before it is for validation; models learn from what comes before "
    "both, and are shown everything before the last."
)
METRICS = ("ndcg@10", "hit_rate@10", "mrr@10", "coverage@10")
S3REC = "RUCAIBox/CIKM2020-S3Rec, all_rank.PNG"
ESASREC = "RecTools, eSASRec benchmark"
ANTKLEN = "antklen/sasrec-bert4rec-recsys23, README.md"
GSASREC = "asash/gSASRec-pytorch, README.md"


def _open(folder: Path, file: str) -> Material:
    dataset = Dataset.from_tables(read("sequences", folder / file, event_type="like").tables)
    return Material((dataset,), (leave_last_out(dataset),))


def _ml_1m(folder: Path) -> Material:
    return _open(folder, "ml-1m_sasrec.txt.gz")


def _amazon(folder: Path) -> Material:
    return _open(folder, "sequences.txt.gz")


def _quoted(model: str, hit_rate: float, ndcg: float, source: str) -> Published:
    return Published(model, {"hit_rate@10": hit_rate, "ndcg@10": ndcg}, source)


CASES = (
    Case(
        name="ml-1m/leave-one-out",
        folder="ml-1m",
        reading="SASRec's file in its order: all ratings, whatever their stars, of people and films with at least five",
        protocol=PROTOCOL,
        open=_ml_1m,
        validation=validation_between,
        metrics=METRICS,
        published=(
            _quoted("SASRec+ 3000", 0.3159, 0.1857, ANTKLEN),
            _quoted("SASRec+", 0.3152, 0.1821, ANTKLEN),
            _quoted("gSASRec", 0.3003, 0.1726, GSASREC),
            _quoted("BERT4Rec", 0.2843, 0.1537, ANTKLEN),
            _quoted("SASRec", 0.2500, 0.1341, ANTKLEN),
            _quoted("SASRec (gSASRec's run)", 0.2392, 0.1259, GSASREC),
        ),
    ),
    Case(
        name="amazon-beauty/leave-one-out",
        folder="amazon-beauty",
        reading="S3-Rec's Beauty.txt: 5-core reviews of 2014, 22,363 people (another set of this name has 40,226)",
        protocol=PROTOCOL,
        open=_amazon,
        validation=validation_between,
        metrics=METRICS,
        published=(
            _quoted("SASRec, sampled softmax", 0.0921, 0.0531, ESASREC),
            _quoted("eSASRec", 0.0928, 0.0523, ESASREC),
            _quoted("DuoRec", 0.0845, 0.0443, "DuoRec, WSDM 2022"),
            _quoted("ActionPiece", 0.0775, 0.0424, "ActionPiece, ICML 2025"),
            _quoted("TIGER", 0.0648, 0.0384, "TIGER, NeurIPS 2023"),
            _quoted("S3-Rec", 0.0647, 0.0327, S3REC),
            _quoted("SASRec", 0.0605, 0.0318, S3REC),
            _quoted("BERT4Rec", 0.0347, 0.0170, S3REC),
            _quoted("GRU4Rec", 0.0283, 0.0137, S3REC),
            _quoted("PopRec", 0.0152, 0.0068, S3REC),
        ),
    ),
    Case(
        name="amazon-toys/leave-one-out",
        folder="amazon-toys",
        reading="S3-Rec's Toys_and_Games.txt: 5-core reviews of 2014",
        protocol=PROTOCOL,
        open=_amazon,
        validation=validation_between,
        metrics=METRICS,
        published=(
            _quoted("SASRec, sampled softmax", 0.0970, 0.0580, ESASREC),
            _quoted("TIGER", 0.0712, 0.0432, "TIGER, NeurIPS 2023"),
            _quoted("S3-Rec", 0.0700, 0.0376, S3REC),
            _quoted("SASRec", 0.0675, 0.0374, S3REC),
            _quoted("BERT4Rec", 0.0203, 0.0099, S3REC),
            _quoted("GRU4Rec", 0.0176, 0.0084, S3REC),
            _quoted("PopRec", 0.0113, 0.0061, S3REC),
        ),
    ),
)
