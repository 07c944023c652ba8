"""Past: what one person did, in columns; a sequence of `HistoryEvent` for whoever wants to see them one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from sys import intern
from typing import Any, Self, TypeVar, cast, overload

from serendip.data.query import NO_ITEM, HistoryEvent

T = TypeVar("T")


class Past(Sequence[HistoryEvent]):
    """Oldest first. Events made of it are not validated: they were when they came in.

    What they said stands beside what they did, in `said`: a search is about no item, and a review is in both.

    A service keeps those of many people, so an event costs a few words of memory here instead of an object, and what
    is made of a history once is kept with it.
    """

    __slots__ = ("_made", "item_ids", "position", "said", "times_ms", "types", "values")

    def __init__(
        self,
        rows: Iterable[tuple[str, str, float | None, int | None]],
        position: int = 0,
        said: tuple[HistoryEvent, ...] = (),
    ) -> None:
        """From item id, type, value and milliseconds since 1970 of each event.

        Args:
            position: of the event that came last, in the log that this was read from.
            said: events with a text, oldest first.
        """
        columns = tuple(zip(*rows, strict=True)) or ((), (), (), ())
        self.item_ids: tuple[str, ...] = columns[0]
        self.types: tuple[str, ...] = tuple(map(intern, columns[1]))
        self.values: tuple[float | None, ...] = columns[2]
        self.times_ms: tuple[int | None, ...] = columns[3]
        self.position, self.said = position, said
        self._made: tuple[object, Any] | None = None

    @classmethod
    def of(cls, events: Iterable[HistoryEvent]) -> Self:
        told = tuple(events)
        done = ((event.item_id, event.type, event.value, event.timestamp) for event in told if event.item_id != NO_ITEM)
        return cls(done, said=tuple(event for event in told if event.text is not None))

    def made(self, for_whom: object, make: Callable[[Self], T]) -> T:
        """What `make` makes of this; made once as long as the same object asks."""
        if self._made is None or self._made[0] is not for_whom:
            self._made = for_whom, make(self)
        return cast(T, self._made[1])

    def share_ids(self, item_ids: Sequence[str]) -> None:
        """Put equal texts, which others hold as well, in the place of the item ids."""
        self.item_ids = tuple(item_ids)

    def __len__(self) -> int:
        return len(self.item_ids)

    def __bool__(self) -> bool:
        return bool(self.item_ids or self.said)

    @overload
    def __getitem__(self, place: int) -> HistoryEvent: ...
    @overload
    def __getitem__(self, place: slice) -> list[HistoryEvent]: ...
    def __getitem__(self, place: int | slice) -> HistoryEvent | list[HistoryEvent]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        # Without validation, which would also read small numbers of milliseconds (before 1973) as seconds.
        return HistoryEvent.model_construct(
            item_id=self.item_ids[place],
            type=self.types[place],
            value=self.values[place],
            timestamp=self.times_ms[place],
        )

    def __iter__(self) -> Iterator[HistoryEvent]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other) and self.said == getattr(other, "said", ())

    def __hash__(self) -> int:
        return hash(self.item_ids)

    def __repr__(self) -> str:
        return f"Past({len(self):,} events)"
