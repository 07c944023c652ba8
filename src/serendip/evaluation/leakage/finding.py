"""Finding: a leak that was found."""

from __future__ import annotations

from dataclasses import dataclass

LEAKS = {
    "copies": "the same event is on both sides",
    "order": "something learned is later than what is foretold, which the split rules out",
    "history": "a history that is shown holds what is asked for",
    "withheld": "people or items that the split withholds are learned from",
    "features": "an attribute was computed from test events",
    "popularity": "what was fitted follows the test events",
    "vocabulary": "a vocabulary knows what occurs only in test events",
    "future-items": "items of which nothing is known are listed to the right people",
    "tuning": "settings were chosen by test events",
}


@dataclass(frozen=True)
class Finding:
    """A leak that was found."""

    leak: str
    """One of `LEAKS`."""
    detail: str

    def __str__(self) -> str:
        return f"LEAK ({self.leak}): {self.detail}"
