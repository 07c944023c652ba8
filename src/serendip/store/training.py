"""Training settings: when a service trains anew, what that may take, and what a new model must show."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """Background training: a process of its own beside the service, at a lower priority."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every_h: float = Field(0.0, ge=0)
    """Hours from one round of training to the next; 0: not by the clock. `serve --train-every 6h` goes before it."""

    every_events: int = Field(0, ge=0)
    """A round begins after so many new events, too; 0: not by their number."""

    judged_by: int = Field(5_000, ge=1)
    """The new model is not taught so many of the most recent events, at most half of those that came since the one in
    service was fitted; by these both are compared."""

    tolerance: float = Field(0.05, ge=0, le=1)
    """A new model that is not surely worse takes over unless it lost more than this share of NDCG@10."""

    niceness: int = Field(10, ge=0, le=19)
    """How far training stands back behind whatever else wants the processor."""

    threads: int = Field(1, ge=0)
    """Threads that training uses; 0 is all cores."""

    most_memory_mb: int = Field(8_192, ge=0)
    """Training that holds more memory is ended; 0 is no limit."""

    most_disk_mb: int = Field(8_192, ge=0)
    """Training that writes a larger model is ended; 0 is no limit."""

    most_h: float = Field(12.0, gt=0)
    """Training that takes more hours is ended."""

    oldest_h: float = Field(168.0, ge=0)
    """A model that was fitted more hours ago raises an alert; 0: never."""
