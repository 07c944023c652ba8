"""Tables: what a reader returns and a store keeps, before ids become rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

EVENT_SCHEMA = pl.Schema(
    {
        "user_id": pl.String(),
        "item_id": pl.String(),
        "type": pl.String(),
        "value": pl.Float64(),  # null where the type carries none
        "time_ms": pl.Int64(),  # milliseconds since 1970-01-01 UTC; null: the order counts
        "event_id": pl.String(),  # null: the store derives one from the content
        "text": pl.String(),  # what was said, of the item or, where the item id is empty, of none; null: nothing
    }
)
ITEM_SCHEMA = pl.Schema({"item_id": pl.String()})
USER_SCHEMA = pl.Schema({"user_id": pl.String()})
RELATION_SCHEMA = pl.Schema({"head": pl.String(), "relation": pl.String(), "tail": pl.String()})


def empty_events() -> pl.DataFrame:
    return EVENT_SCHEMA.to_frame()


def empty_items() -> pl.DataFrame:
    return ITEM_SCHEMA.to_frame()


def empty_users() -> pl.DataFrame:
    return USER_SCHEMA.to_frame()


def empty_relations() -> pl.DataFrame:
    return RELATION_SCHEMA.to_frame()


@dataclass(frozen=True)
class Tables:
    """Four frames with outside ids.

    - `events`: exactly the columns of `EVENT_SCHEMA`, in their original order; where `item_id` is empty, the event is
      about no item and has a `text`, as a search does;
    - `items`: `item_id`, then any attribute columns (`title`, `description`, `category`, `price`, `image`,
      `hidden`, ...); lists are list columns; a column such as `title_zh` holds the text in another language;
    - `users`: `user_id`, then any attribute columns;
    - `relations`: facts as `head`, `relation`, `tail`. The relation `friend` links two user ids; every other
      relation starts at an item id.

    The ids of `items` and `users` may be fewer or more than those that occur in `events`.
    """

    events: pl.DataFrame = field(default_factory=empty_events)
    items: pl.DataFrame = field(default_factory=empty_items)
    users: pl.DataFrame = field(default_factory=empty_users)
    relations: pl.DataFrame = field(default_factory=empty_relations)

    def __str__(self) -> str:
        sizes = (self.events.height, self.items.height, self.users.height, self.relations.height)
        return "{:,} events, {:,} items, {:,} users, {:,} relations".format(*sizes)


def event_frame(columns: dict[str, object] | pl.DataFrame) -> pl.DataFrame:
    """Bring event columns into `EVENT_SCHEMA`; columns that are absent become null, except `type` (`view`)."""
    frame = columns if isinstance(columns, pl.DataFrame) else pl.DataFrame(columns)
    if "type" not in frame.columns:
        frame = frame.with_columns(pl.lit("view").alias("type"))
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in EVENT_SCHEMA.items()
    )
