"""Cleaning: rows with ids, each event once, a cap on repeats, no scripts. What it removes, it reports.

On import, ids first get one spelling (`canonical`). The steps of `clean`, in order: ids, exact duplicates, repeats
beyond a cap, accounts run by scripts.
Cleaning what is clean changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from serendip.data.accounts import identical_histories, rapid_users
from serendip.data.query import NO_ITEM
from serendip.data.tables import Tables

_EXAMPLES = 5
_PAIR = ("user_id", "item_id", "type")
_NEEDS_CARE = r"[^\x21-\x7e]"  # white space or anything beyond ASCII; the rest is canonical already


class CleaningRules(BaseModel):
    """How strict cleaning is; kept in `settings.toml`.

    The defaults take nobody out of MovieLens, where people rate a hundred films in five minutes and some import
    three hundred ratings at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_repeats: int = Field(5, ge=0)
    """Events of one type that a person keeps on one item, the latest ones; 0 keeps all."""

    bot_events: int = Field(500, ge=0)
    """An account with this many events within `bot_window_s` is a script, and its events go; 0 keeps it."""

    bot_window_s: float = Field(600.0, gt=0)
    """The seconds for `bot_events`."""

    identical_accounts: int = Field(5, ge=0)
    """This many accounts that did the same things in the same order are one script; 0 keeps them."""

    identical_items: int = Field(10, ge=1)
    """Different items that such accounts have at least; shorter histories agree by chance."""


@dataclass(frozen=True)
class CleaningStep:
    """What one step did: `removed` counts rows, `examples` are ids."""

    name: str
    removed: int
    sentence: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = f" (such as {', '.join(self.examples)})" if self.examples else ""
        return f"{self.name}: {self.sentence}{shown}"


@dataclass(frozen=True)
class CleaningReport:
    """The steps in the order in which they were done."""

    steps: tuple[CleaningStep, ...]

    @property
    def removed(self) -> int:
        """Rows that were removed in all."""
        return sum(step.removed for step in self.steps)

    def __str__(self) -> str:
        return "\n".join(str(step) for step in self.steps)


def clean(tables: Tables, rules: CleaningRules | None = None) -> tuple[Tables, CleaningReport]:
    """The tables without what would mislead training, and what was removed. Rows stay in their order."""
    rules = rules or CleaningRules()
    tables, named = _with_ids(tables)
    events, once = _without_duplicates(tables.events)
    events, capped = _without_repeats(events, rules)
    events, human = _without_scripts(events, rules)
    return replace(tables, events=events), CleaningReport((named, once, capped, human))


def canonical(tables: Tables) -> tuple[Tables, CleaningStep]:
    """Text in Unicode NFC without white space around it, so that an id that looks the same is the same.

    For imports, before ids are stored. It is no part of `clean`: ids in a store are what its callers use, and a
    model that spelled them otherwise would not find them.
    """
    spelled = Tables(
        _spelled(tables.events, _PAIR),
        _spelled(tables.items, _texts(tables.items)),
        _spelled(tables.users, _texts(tables.users)),
        _spelled(tables.relations, tuple(tables.relations.columns)),
    )
    changed = _changed_ids(tables, spelled)
    said = f"ids spelled anew, without white space around them and in Unicode NFC: {len(changed):,}"
    return spelled, CleaningStep("canonical spelling", 0, said, _shown(changed))


def _with_ids(tables: Tables) -> tuple[Tables, CleaningStep]:
    events = tables.events.filter(_named("user_id") & (_named("item_id") | _named("text")))
    items = _latest(tables.items, "item_id")
    users = _latest(tables.users, "user_id")
    relations = tables.relations.filter(_named("head", "tail")).unique(maintain_order=True)
    kept = Tables(events, items, users, relations)
    removed = sum(before - after for before, after in zip(_heights(tables), _heights(kept), strict=True))
    said = f"rows removed that have no id, or that a later row of the same id replaces: {removed:,}"
    return kept, CleaningStep("ids", removed, said)


def _spelled(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    careful = [name for name in columns if frame[name].str.contains(_NEEDS_CARE).any()]
    return frame.with_columns(pl.col(careful).str.normalize("NFC").str.strip_chars())


def _texts(frame: pl.DataFrame) -> tuple[str, ...]:
    return tuple(name for name, kind in frame.schema.items() if kind == pl.String)


def _named(*columns: str) -> pl.Expr:
    """Rows in which each of these ids is there."""
    return pl.all_horizontal(pl.col(name).fill_null("") != "" for name in columns)


def _latest(frame: pl.DataFrame, id_column: str) -> pl.DataFrame:
    return frame.filter(_named(id_column)).unique(id_column, keep="last", maintain_order=True)


def _heights(tables: Tables) -> tuple[int, ...]:
    return tables.events.height, tables.items.height, tables.users.height, tables.relations.height


def _changed_ids(before: Tables, after: Tables) -> pl.Series:
    """The ids of users and items that are written differently now, as they were written."""
    pairs = [
        (old[name], new[name])
        for old, new, names in (
            (before.events, after.events, ("user_id", "item_id")),
            (before.items, after.items, ("item_id",)),
            (before.users, after.users, ("user_id",)),
        )
        for name in names
    ]
    return pl.concat([old.filter((old != new).fill_null(False)) for old, new in pairs]).unique(maintain_order=True)


def _without_duplicates(events: pl.DataFrame) -> tuple[pl.DataFrame, CleaningStep]:
    """One event per `event_id`, and one per person, item, type, value and millisecond.

    Without a time, equal rows may well be repeats (the order counts), so the next step looks after them.
    """
    known = events.filter(pl.col("event_id").is_null() | pl.col("event_id").is_first_distinct())
    content = pl.struct(*_PAIR, "value", "time_ms", "text").is_first_distinct()
    once = known.filter(pl.col("time_ms").is_null() | content)
    removed = events.height - once.height
    return once, CleaningStep("exact duplicates", removed, f"events removed that were there already: {removed:,}")


def _without_repeats(events: pl.DataFrame, rules: CleaningRules) -> tuple[pl.DataFrame, CleaningStep]:
    cap = rules.max_repeats
    if not cap:
        return events, CleaningStep("repeats", 0, "all repeats are kept")
    alike = (*_PAIR, pl.when(pl.col("item_id") == NO_ITEM).then("text"))
    heavy = events.with_row_index("place").filter(pl.len().over(alike) > cap)
    latest = heavy.sort("time_ms", nulls_last=False, maintain_order=True).group_by(alike).tail(cap)
    dropped = heavy.join(latest, on="place", how="anti", maintain_order="left")
    kept = events.filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(dropped["place"].implode()))
    said = f"events removed beyond the latest {cap} of a type by one person on one item: {dropped.height:,}"
    return kept, CleaningStep("repeats", dropped.height, said, _shown(dropped["user_id"].unique(maintain_order=True)))


def _without_scripts(events: pl.DataFrame, rules: CleaningRules) -> tuple[pl.DataFrame, CleaningStep]:
    """Both rules look at the same events, so that one does not hide an account from the other."""
    scripts: set[str] = set()
    if rules.bot_events:
        scripts.update(rapid_users(events, rules.bot_events, rules.bot_window_s))
    if rules.identical_accounts:
        timed = events.filter(pl.col("time_ms").is_not_null())
        groups = identical_histories(timed, rules.identical_accounts, rules.identical_items)
        scripts.update(user for group in groups for user in group)
    kept = events.filter(~pl.col("user_id").is_in(sorted(scripts))) if scripts else events
    removed = events.height - kept.height
    said = f"accounts that act like scripts: {len(scripts):,}; events of theirs removed: {removed:,}"
    return kept, CleaningStep("scripts", removed, said, _shown(pl.Series(sorted(scripts), dtype=pl.String)))


def _shown(ids: pl.Series) -> tuple[str, ...]:
    return tuple(ids.head(_EXAMPLES))
