"""Asking: the sources of a recipe, one after another, each behind a guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from serendip.pipeline.course import Course
from serendip.pipeline.opinions import Opinion, Speaker

T = TypeVar("T")


class Guard(Protocol):
    """Does the work of one source, or says why it is left out."""

    def __call__(self, source: str, work: Callable[[], T], degraded: list[str]) -> T | None:
        """What `work` returns; None with a sentence in `degraded` where the source is left out."""
        ...


def unguarded(source: str, work: Callable[[], T], degraded: list[str]) -> T | None:
    """Faults go to the caller."""
    return work()


def ask(speakers: Mapping[str, Speaker], course: Course) -> dict[str, Opinion]:
    """What each source says of the items for the one who asks, by its name."""
    said: dict[str, Opinion] = {}
    for name, one in speakers.items():
        opinion = course.guard(
            f"the source {name}", lambda one=one: next(iter(one.opinions(course.asked))), course.degraded
        )
        if opinion is not None:
            said[name] = opinion
    return said
