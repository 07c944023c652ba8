"""Service settings: how much the HTTP service does for one client, and how long it waits."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ServiceSettings(BaseModel):
    """What keeps one client from taking the service away from the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reads_per_s: float = Field(1000, ge=0)
    """Requests for lists and items that one key may make in a second, on average; 0 is no limit."""

    writes_per_s: float = Field(1000, ge=0)
    """The same for requests that record events, change items and people, or administer."""

    anonymous_per_s: float = Field(100, ge=0)
    """Requests that one client address may make in a second where no key is needed; 0 is no limit. A service without
    keys on this machine alone has none."""

    failures_per_minute: float = Field(100, ge=0)
    """Wrong keys that one client address may send in a minute before new ones are not even looked at; 0 is no limit."""

    most_at_once: int = Field(256, ge=1)
    """Requests that are answered side by side; further ones are turned away at once instead of waiting in a heap."""

    most_connections: int = Field(2048, ge=1)
    """Connections that are open at a time; further ones are turned away."""

    headers_within_s: float = Field(10.0, gt=0)
    """Seconds in which the head of a request must arrive."""

    body_within_s: float = Field(10.0, gt=0)
    """Seconds that a body may take to arrive, on top of one for every 16 KiB that did arrive."""

    answer_within_s: float = Field(60.0, gt=0)
    """Seconds in which a request that arrived whole must be answered."""

    drain_s: float = Field(1.0, ge=0)
    """Seconds that the service answers on after it was told to end, no longer ready, so that who balances load sees
    it."""

    finish_within_s: int = Field(20, ge=1)
    """Seconds that requests may then still take to be answered."""
