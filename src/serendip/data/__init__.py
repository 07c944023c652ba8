"""Data: the words that every other room speaks."""

from serendip.data.dataset import Dataset, Entities, Events
from serendip.data.past import Past
from serendip.data.progress import Progress, silent, track
from serendip.data.queries import Queries
from serendip.data.query import HistoryEvent, Query
from serendip.data.recommendations import EXPLORATION, Reason, Recommendation, Recommendations
from serendip.data.signals import Signals
from serendip.data.tables import Tables, event_frame
from serendip.data.vocabulary import Vocabulary
from serendip.errors import DamagedArtifactError, InputError

__all__ = [
    "EXPLORATION",
    "DamagedArtifactError",
    "Dataset",
    "Entities",
    "Events",
    "HistoryEvent",
    "InputError",
    "Past",
    "Progress",
    "Queries",
    "Query",
    "Reason",
    "Recommendation",
    "Recommendations",
    "Signals",
    "Tables",
    "Vocabulary",
    "event_frame",
    "silent",
    "track",
]
